{
  const { rate, converges, modeRoots, modeRun } = figures.maths;
  const { fixed } = figures.parts;

  // Where CurveBall converges in one mode of a quadratic: its two roots in the unit circle, and the run that they make.
  figures.add("roots", {
    title: "Two roots decide",
    start: { rho: 0.9, a: 0.1 },
    task: {
      text: "Find the pair for which the larger root is as small as possible. A rate below 0.2 is enough.",
      met: ({ rho, a }) => rate(rho, a) < 0.2,
      after: "At ρ = βh = 1 both roots are 0: the step reaches the minimum of this mode at once.",
    },

    build(frame) {
      const map = frame.plane({
        x: [-1.2, 3],
        y: [0, 2.8],
        xLabel: "momentum ρ",
        yLabel: "step size a = βh",
        label: "All pairs of momentum and step size; inside a triangle the method converges",
      });
      const circle = frame.plane({
        x: [-1.74, 1.74],
        y: [-1.45, 1.45],
        xLabel: "real part of μ",
        yLabel: "imaginary part",
        label: "The two roots in the complex plane, with the unit circle",
      });
      map.levels("rates", (rho, a) => rate(rho, a), [0.25, 0.5, 0.75, 0.9], "levels one", 120);
      map.curve(
        "region",
        [
          [-1, 0],
          [1, 0],
          [5, 4],
        ],
        "solid one",
        true,
      );
      map.text("inside", [-0.28, 0.16], "converges", "one");
      map.text("outside", [-0.9, 2.3], "diverges", "two");
      const turn = Array.from({ length: 121 }, (_, i) => (i * Math.PI) / 60);
      circle.curve(
        "circle",
        turn.map((t) => [Math.cos(t), Math.sin(t)]),
        "fill one",
        true,
      );
      const run = frame.plane({
        x: [0, 40],
        y: [-1.5, 1.5],
        height: 210,
        xLabel: "steps",
        yLabel: "w − w*",
        label: "The distance from the minimum after each step",
      });
      frame.handle(map, {
        label: "Momentum and step size",
        at: (s) => [s.rho, s.a],
        move: ([rho, a]) => ({ rho, a }),
        step: [0.02, 0.02],
        within: [
          [-1.2, 3],
          [0.02, 2.8],
        ],
        tap: true,
        kind: "two",
        say: (s) => `rho ${s.rho}, beta h ${s.a}`,
      });
      frame.slider("rho", { label: "momentum ρ", min: -1.2, max: 3, step: 0.02 });
      frame.slider("a", { label: "step size βh", min: 0.02, max: 2.8, step: 0.02 });

      return ({ rho, a }) => {
        const mu = modeRoots(rho, a);
        const q = rate(rho, a);
        const inside = converges(rho, a);
        circle.curve(
          "moduli",
          mu.flatMap((m) => [[0, 0], m, [NaN, NaN]]),
          inside ? "thin three" : "thin two",
        );
        circle.dots("roots", mu, inside ? "three" : "two", 6);
        const seen = modeRun(rho, a, 40).map((w, t) => [t, w]);
        run.curve("line", seen, inside ? "thin three" : "thin two");
        run.dots("run", seen, inside ? "three" : "two", 2.4);
        const kind =
          mu[0][1] !== 0
            ? "The roots are a complex pair: the error swings around zero."
            : Math.min(mu[0][0], mu[1][0]) < -0.5 * q
              ? "A real root is negative: the error jumps from side to side."
              : "Both roots are real: the error does not swing.";
        const verdict = inside
          ? `Each step multiplies the error by ${fixed(q)} in the long run.`
          : `Each step multiplies the error by ${fixed(q)}: it does not converge.`;
        return `ρ = ${fixed(rho)}, βh = ${fixed(a)}, larger root |μ| = ${fixed(q, 3)}. ${kind} ${verdict}`;
      };
    },
  });
}
