{
  const { variance, noisyRun, draws, slowest } = figures.maths;
  const { fixed } = figures.parts;

  const H = [1, 4];
  const BURN = 100;
  const NOISE = draws(BURN + 500, 2, 1);
  const deviations = (s) => H.map((h) => Math.sqrt(variance(s.rho, s.beta, h, s.sigma)));

  // Where a constant step ends when gradients are noisy: not at the minimum but in a ball around it.
  figures.add("noise_ball", {
    title: "The ball that noise leaves",
    start: { rho: 0.9, beta: 0.3, sigma: 1 },
    task: {
      text:
        "Keep the noise at 1. Make the ball less than 0.2 wide along w₁ (its standard deviation), " +
        "with a rate of 0.93 or less.",
      met: (s) => s.sigma === 1 && slowest(s.rho, s.beta, H) <= 0.93 && deviations(s)[0] < 0.2,
      after:
        "A small ball and a fast start pull in opposite directions, for every method with a constant " +
        "step. Schedules and averages are two " +
        "ways out.",
    },

    build(frame) {
      const tune = (s) => [s.beta, s.rho];
      const pair = frame.plane({
        x: [0, 0.6],
        y: [-0.5, 1.2],
        xLabel: "step size β",
        yLabel: "momentum ρ",
        label: "All pairs, with the rates 0.93, 0.8 and 0.6",
      });
      pair.levels("rates", (beta, rho) => slowest(rho, Math.max(beta, 1e-4), H), [0.6, 0.8, 0.93, 1], "levels one", 90);
      const plane = frame.plane({
        x: [-2.6, 2.6],
        y: [-2.1, 2.1],
        xLabel: "w₁, curvature 1",
        yLabel: "w₂, curvature 4",
        label: "The params after each of 500 steps, with the ellipse that the formula gives",
      });
      const line = frame.plane({
        x: [0, 120],
        y: [-3, 3],
        xLabel: "steps",
        yLabel: "w₁",
        label: "The first 120 steps of w1, from a start at 2.5",
      });
      frame.slider("rho", { label: "momentum ρ", min: -0.5, max: 1.2, step: 0.01 });
      frame.slider("beta", { label: "step size β", min: 0.005, max: 0.6, step: 0.005 });
      frame.slider("sigma", { label: "noise σ", min: 0, max: 2, step: 0.05 });
      frame.handle(pair, {
        label: "Step size and momentum",
        at: tune,
        move: ([beta, rho]) => ({ beta, rho }),
        step: [0.005, 0.01],
        within: [
          [0.005, 0.6],
          [-0.5, 1.2],
        ],
        kind: "two",
        tap: true,
        say: (s) => `beta ${s.beta}, rho ${s.rho}`,
      });

      return (s) => {
        const q = slowest(s.rho, s.beta, H);
        const noise = NOISE.map((pairs) => pairs.map((x) => s.sigma * x));
        const seen = noisyRun(s.rho, s.beta, H, [2.5, -1.8], noise);
        const bounded = q < 1;
        const turn = Array.from({ length: 61 }, (_, i) => (i * Math.PI) / 30);
        const [d1, d2] = bounded ? deviations(s) : [NaN, NaN];
        plane.dots("cloud", bounded ? seen.slice(BURN) : [], "two faint", 2.2);
        plane.curve(
          "ball",
          turn.map((t) => [2 * d1 * Math.cos(t), 2 * d2 * Math.sin(t)]),
          "fill one",
          true,
        );
        plane.dots("minimum", [[0, 0]], "hollow three", 5);
        line.curve(
          "band",
          [
            [0, -2 * d1],
            [120, -2 * d1],
            [NaN, NaN],
            [0, 2 * d1],
            [120, 2 * d1],
          ],
          "dashed one",
        );
        line.curve("run", [[0, 2.5], ...seen.slice(0, 120).map((w, t) => [t + 1, w[0]])], "thin two");
        if (!bounded)
          return `ρ = ${fixed(s.rho)}, β = ${fixed(s.beta, 3)}: the rate is ${fixed(q)}, so the run diverges.`;
        const measured = Math.sqrt(seen.slice(BURN).reduce((sum, w) => sum + w[0] ** 2, 0) / (seen.length - BURN));
        return (
          `Rate ${fixed(q, 3)}. Along w₁ the formula gives a standard deviation of ${fixed(d1, 3)}, these 500 ` +
          `steps have ${fixed(measured, 3)}; ` +
          `along w₂ the formula gives ${fixed(d2, 3)}. The ellipse reaches two standard deviations.`
        );
      };
    },
  });
}
