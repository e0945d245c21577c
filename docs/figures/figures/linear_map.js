{
  const { times, transposed, dot, norm, between, thereAndBack, linspace } = figures.maths;
  const { fixed } = figures.parts;

  const matrix = (s) => [
    [s.a, s.b],
    [s.c, s.d],
  ];
  const grid = linspace(-3, 3, 7);
  const LINES = grid.flatMap((t) => [
    [
      [t, -3],
      [t, 3],
    ],
    [
      [-3, t],
      [3, t],
    ],
  ]);
  const path = (A) => LINES.flatMap(([p, q]) => [times(A, p), times(A, q), [NaN, NaN]]);
  const mixed = (A, share) => A.map((row, i) => row.map((x, j) => share * x + (1 - share) * (i === j)));

  // A linear map moves a grid; its transpose moves the other one, so that both inner products agree.
  figures.add("linear_map", {
    title: "A linear map and its transpose",
    start: { a: 1.2, b: 0.8, c: -0.2, d: 0.7, v1: 0.2, v2: 1, u1: 1, u2: -0.6, share: 1 },
    task: {
      text: "Turn v until Aᵀ A v points along v again, within 2 degrees: there and back it is only stretched.",
      met: (s) => {
        const v = [s.v1, s.v2];
        return (
          norm(v) > 0.5 &&
          s.share === 1 &&
          Math.abs(s.a * s.d - s.b * s.c) > 0.05 &&
          Math.abs(s.a * s.b + s.c * s.d) > 0.1 &&
          between(v, thereAndBack(matrix(s), v)) < 2
        );
      },
      after:
        "Such a v is a singular direction of A. There are two, at a right angle, and A keeps the angle between them.",
    },

    build(frame) {
      const about = { x: [-3.2, 3.2], y: [-2.6, 2.6] };
      const domain = frame.plane({
        ...about,
        xLabel: "tangents v",
        label: "Where v lives, with the grid of the transpose",
      });
      const codomain = frame.plane({
        ...about,
        xLabel: "cotangents u and A v",
        label: "Where A v and u live, with the moved grid",
      });
      frame.handle(domain, {
        label: "v",
        at: (s) => [s.v1, s.v2],
        move: ([v1, v2]) => ({ v1, v2 }),
        step: [0.05, 0.05],
        kind: "one",
        tag: "v",
        say: (s) => `v is ${s.v1}, ${s.v2}`,
      });
      frame.handle(codomain, {
        label: "u",
        at: (s) => [s.u1, s.u2],
        move: ([u1, u2]) => ({ u1, u2 }),
        step: [0.05, 0.05],
        kind: "two",
        tag: "u",
        say: (s) => `u is ${s.u1}, ${s.u2}`,
      });
      for (const [name, label] of [
        ["a", "A₁₁"],
        ["b", "A₁₂"],
        ["c", "A₂₁"],
        ["d", "A₂₂"],
      ])
        frame.slider(name, { label: `entry ${label}`, min: -2, max: 2, step: 0.05 });
      frame.slider("share", { label: "from I to A", min: 0, max: 1, step: 0.02 });

      return (s) => {
        const A = mixed(matrix(s), s.share);
        const [v, u] = [
          [s.v1, s.v2],
          [s.u1, s.u2],
        ];
        const [Av, Atu] = [times(A, v), times(transposed(A), u)];
        domain.curve("grid", path(transposed(A)), "thin two faded");
        codomain.curve("grid", path(A), "thin one faded");
        domain.curve("v", [[0, 0], v], "solid one");
        domain.arrow("Atu", [0, 0], Atu, "two");
        domain.text("Atu-name", Atu, "Aᵀu", "two", "start", [6, 12]);
        domain.arrow("back", [0, 0], times(transposed(A), Av), "four");
        domain.text("back-name", times(transposed(A), Av), "AᵀAv", "four", "start", [6, -4]);
        codomain.curve("u", [[0, 0], u], "solid two");
        codomain.arrow("Av", [0, 0], Av, "one");
        codomain.text("Av-name", Av, "Av", "one", "start", [6, -4]);
        const angle = between(v, times(transposed(A), Av));
        return (
          `⟨u, A v⟩ = ${fixed(dot(u, Av))} and ⟨Aᵀ u, v⟩ = ${fixed(dot(Atu, v))}: always the same. ` +
          `Between v and AᵀA v there are ${fixed(angle, 1)} degrees; A makes v ` +
          `${fixed(norm(Av) / (norm(v) || 1))} times as long.`
        );
      };
    },
  });
}
