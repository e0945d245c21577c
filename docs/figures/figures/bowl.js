{
  const { quadratic, curveballRun, lossAt, norm, dot, geomspace } = figures.maths;
  const { short, pathView } = figures.parts;

  const STEPS = 40;
  const options = (s) => ({ lr: s.lr, lam: s.lam, rho: s.automatic ? null : s.rho, beta: s.automatic ? null : s.beta });
  const run = (s) => curveballRun(quadratic([1, s.kappa], 0.5), [s.x, s.y], STEPS, options(s));

  // CurveBall on a bowl of two variables: its real iterates, with coefficients that one chooses or automatic ones.
  figures.add("bowl", {
    title: "CurveBall on a bowl",
    start: { x: -2, y: 1.4, rho: 0.9, beta: 0.02, lam: 0, lr: 1, kappa: 20, automatic: false },
    task: {
      text: "With ρ and β of your own and η = 1, come within 0.001 of the minimum in 40 steps, with κ at least 20.",
      met: (s) =>
        !s.automatic &&
        s.lr === 1 &&
        s.kappa >= 20 &&
        Math.hypot(s.x, s.y) >= 1 &&
        run(s).length > STEPS &&
        norm(run(s).at(-1)) < 1e-3,
      after: "Now let ρ and β be automatic: with two variables and λ = 0 the plane of z and d is everything.",
    },

    build(frame) {
      const { plane, show } = pathView(frame, {
        x: [-3, 3],
        y: [-2.42, 2.42],
        steps: STEPS,
        least: 1e-30,
        label: "The bowl from above, with the path of the params",
        minimum: [0, 0],
      });
      frame.slider("rho", { label: "momentum ρ", min: -0.5, max: 1.1, step: 0.01, enabled: (s) => !s.automatic });
      frame.slider("beta", { label: "step size β", min: 0.001, max: 2, log: true, enabled: (s) => !s.automatic });
      frame.slider("lam", { label: "damping λ", min: 0, max: 20, step: 0.1 });
      frame.slider("lr", { label: "learning rate η", min: 0.05, max: 2, step: 0.05 });
      frame.slider("kappa", { label: "condition κ", min: 1, max: 100, step: 1 });
      frame.check("automatic", { label: "automatic ρ and β" });

      return (s) => {
        const bowl = quadratic([1, s.kappa], 0.5);
        const f = (x, y) => lossAt(bowl, [x, y]);
        plane.levels(
          "bowl",
          f,
          geomspace(0.02, 40, 9).map((l) => l * Math.sqrt(s.kappa)),
          "levels one",
        );
        const seen = run(s);
        show(seen, (w) => lossAt(bowl, w));
        const end = norm(seen.at(-1));
        if (seen.length <= STEPS) return `The run leaves all bounds after ${seen.length - 1} steps: it diverges.`;
        const farther = end > norm(seen[0]);
        return (
          `After ${STEPS} steps the params are ${short(end)} from the minimum` +
          `${farther ? ", farther than at the start: it diverges" : ""}. The loss is ` +
          `${short(lossAt(bowl, seen.at(-1)))}.` +
          (s.automatic ? ` ρ and β are those that minimise the quadratic model in each step.` : "")
        );
      };
    },
  });
}
