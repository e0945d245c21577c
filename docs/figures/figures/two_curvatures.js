{
  const { objective, curvatureAt, parabola, linspace } = figures.maths;
  const { fixed } = figures.parts;

  const uphill = (w, step) => objective(w + step) > objective(w);

  // The exact curvature can be negative, that of Gauss-Newton cannot: two parabolas at the same point.
  figures.add("two_curvatures", {
    title: "Hessian and Gauss-Newton",
    start: { w: 0.2 },
    task: {
      text:
        "Find a w where Newton’s step with the exact curvature goes uphill, away from the minimum, " +
        "while the Gauss-Newton step goes down.",
      met: ({ w }) => {
        const { H, newton, gaussNewton } = curvatureAt(w);
        return H < 0 && uphill(w, newton) && !uphill(w, gaussNewton);
      },
      after: "G leaves out r r″, the part with a sign. So it is never negative, and its step always starts downhill.",
    },

    build(frame) {
      const plane = frame.plane({
        x: [-2, 2],
        y: [-0.5, 1.2],
        xLabel: "w",
        yLabel: "objective f",
        label: "The objective, with the parabola of the exact curvature and that of Gauss-Newton",
      });
      const plot = frame.plane({
        x: [-2, 2],
        y: [-2, 5],
        xLabel: "w",
        yLabel: "curvature",
        label: "Both curvatures over w; the exact one falls below zero",
      });
      const all = linspace(-2, 2, 201);
      plane.curve(
        "objective",
        all.map((w) => [w, objective(w)]),
        "solid grey",
      );
      plot.curve(
        "zero",
        [
          [-2, 0],
          [2, 0],
        ],
        "thin grey",
      );
      plot.curve(
        "exact",
        all.map((w) => [w, curvatureAt(w).H]),
        "solid two",
      );
      plot.curve(
        "gauss",
        all.map((w) => [w, curvatureAt(w).G]),
        "solid one",
      );
      plot.text("exact-name", [-1.9, 3.9], "H = r′² + r r″", "two");
      plot.text("gauss-name", [-1.9, 4.5], "G = r′²", "one");
      frame.handle(plane, {
        label: "w",
        at: (s) => [s.w, objective(s.w)],
        move: ([w]) => ({ w }),
        step: [0.02, 0],
        kind: "four",
        tag: "w",
        say: (s) => `w ${fixed(s.w)}`,
      });
      frame.slider("w", { label: "w", min: -2, max: 2, step: 0.02 });

      return ({ w }) => {
        const { H, G, newton, gaussNewton } = curvatureAt(w);
        plane.curve(
          "exact",
          all.map((x) => [x, parabola(w, H, x - w)]),
          "dashed two",
        );
        plane.curve(
          "gauss",
          all.map((x) => [x, parabola(w, G, x - w)]),
          "dashed one",
        );
        const steps = [
          [w + newton, "two", "Newton"],
          [w + gaussNewton, "one", "Gauss-Newton"],
        ];
        steps.forEach(([x, kind, name], i) => {
          const shown = Math.abs(x) < 2;
          plane.dots(`end-${kind}`, shown ? [[x, objective(x)]] : [], kind, 5);
          plane.text(`name-${kind}`, [x, objective(x)], shown ? name : "", kind, x < w ? "end" : "start", [
            x < w ? -8 : 8,
            i ? 16 : -6,
          ]);
        });
        plot.dots("here", [[w, H]], "two", 5);
        plot.dots("here-too", [[w, G]], "one", 5);
        const way = (step) => `a step of ${fixed(step)}, ${uphill(w, step) ? "uphill" : "downhill"}`;
        return (
          `At w = ${fixed(w)} the exact curvature is H = ${fixed(H)}: ${way(newton)}. ` +
          `Gauss-Newton has G = ${fixed(G)}: ${way(gaussNewton)}.`
        );
      };
    },
  });
}
