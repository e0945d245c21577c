{
  const { rosenbrock, curveballRun, lossAt } = figures.maths;
  const { short, fixed, pathView } = figures.parts;

  const STEPS = 60;
  const GOAL = 1e-8;
  const run = (s) =>
    curveballRun(rosenbrock, [s.x, s.y], STEPS, {
      lr: s.lr,
      lam: s.lam,
      adapt: s.adapt,
      rho: s.automatic ? null : s.rho,
      beta: s.automatic ? null : s.beta,
    });
  const reached = (seen) => seen.findIndex((w) => lossAt(rosenbrock, w) < GOAL);

  // The same method in Rosenbrock's valley, where the bowl changes with every step.
  figures.add("rosenbrock", {
    title: "CurveBall in Rosenbrock’s valley",
    start: { x: -1.2, y: 1, rho: 0.9, beta: 0.0005, lam: 1, lr: 1, automatic: true, adapt: false },
    task: {
      text: "Start at the far end of the valley, with w₁ below −1. Bring the loss under 10⁻⁸ within 8 steps.",
      met: (s) => {
        const first = reached(run(s));
        return s.x < -1 && first > 0 && first <= 8;
      },
      after:
        "Least damping is best here: there is no noise, and with two variables the plane of z and d is everything.",
    },

    build(frame) {
      const { plane, losses, show } = pathView(frame, {
        x: [-2, 2],
        y: [-3.6, 3],
        steps: STEPS,
        least: 1e-40,
        label: "The curved valley from above, with the path of the params",
        minimum: [1, 1],
      });
      const levels = [0.02, 0.2, 1, 4, 12, 35, 100, 300, 900];
      plane.levels("valley", (x, y) => lossAt(rosenbrock, [x, y]), levels, "levels one", 130);
      frame.slider("lam", { label: "damping λ", min: 0.0001, max: 100, log: true });
      frame.slider("lr", { label: "learning rate η", min: 0.05, max: 2, step: 0.05 });
      frame.slider("rho", { label: "momentum ρ", min: -0.5, max: 1.1, step: 0.01, enabled: (s) => !s.automatic });
      frame.slider("beta", { label: "step size β", min: 0.00001, max: 0.1, log: true, enabled: (s) => !s.automatic });
      frame.check("automatic", { label: "automatic ρ and β" });
      frame.check("adapt", { label: "λ follows the trust ratio" });

      return (s) => {
        const seen = run(s);
        losses.curve(
          "goal",
          [
            [0, GOAL],
            [STEPS, GOAL],
          ],
          "dashed three",
        );
        show(seen, (w) => lossAt(rosenbrock, w));
        const from = `From (${fixed(s.x)}, ${fixed(s.y)}) with λ = ${short(s.lam)}: `;
        if (seen.length <= STEPS)
          return from + `the run leaves all bounds after ${seen.length - 1} steps: it diverges.`;
        const [first, last] = [reached(seen), lossAt(rosenbrock, seen.at(-1))];
        return first >= 0
          ? `${from}the loss is below 10⁻⁸ from step ${first} on.`
          : `${from}after ${STEPS} steps the loss is ${short(last)}: not yet below 10⁻⁸.`;
      };
    },
  });
}
