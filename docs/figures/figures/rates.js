{
  const { rate, momenta, geomspace, bestPair } = figures.maths;
  const { fixed } = figures.parts;

  const KAPPA = 100;
  const H = geomspace(1, KAPPA, 240);
  const worst = (s, method) => Math.max(...H.map((h) => rate(s.rho, s.beta * h, method)));
  const KINDS = { "heavy ball": "two", Nesterov: "three", CurveBall: "one" };
  const BEST = bestPair(KAPPA).q;

  // One pair for a whole spectrum: the highest point of the curve is the rate.
  figures.add("rates", {
    title: "One pair for all curvatures",
    start: { rho: 0, beta: 0.006 },
    task: {
      text:
        `Curvatures go from 1 to ${KAPPA}. Bring CurveBall’s highest point under 0.9. (The best ` +
        `pair has ${fixed(BEST, 3)}.)`,
      met: (s) => worst(s, "CurveBall") < 0.9,
      after:
        "At the best pair the flattest and the steepest direction are equally slow. Heavy ball has a better pair " +
        "of its own, ρ = 0.67 and β = 0.033, with a rate of 0.82; CurveBall diverges there.",
    },

    build(frame) {
      const plot = frame.plane({
        x: [1, KAPPA],
        y: [0, 1.3],
        xLog: true,
        xTicks: [1, 3, 10, 30, 100],
        xLabel: "curvature h",
        yLabel: "rate q",
        label: "The rate of three methods over the curvature",
      });
      const pairs = frame.plane({
        x: [0, 0.018],
        y: [0, 1.1],
        xTicks: [0, 0.005, 0.01, 0.015],
        xLabel: "step size β",
        yLabel: "momentum ρ",
        label: "All pairs, with the worst rates 0.9, 0.93, 0.96 and 1",
      });
      const some = geomspace(1, KAPPA, 40);
      const slowest = (beta, rho) => Math.max(...some.map((h) => rate(rho, Math.max(beta, 1e-5) * h)));
      pairs.levels("rates", slowest, [0.9, 0.93, 0.96, 1], "levels one", 100);
      frame.handle(pairs, {
        label: "Step size and momentum",
        at: (s) => [s.beta, s.rho],
        move: ([beta, rho]) => ({ beta, rho }),
        step: [0.0002, 0.01],
        tap: true,
        kind: "four",
        say: (s) => `beta ${s.beta}, rho ${s.rho}`,
        within: [
          [0.0002, 0.018],
          [0, 1.1],
        ],
      });
      frame.slider("rho", { label: "momentum ρ", min: 0, max: 1.1, step: 0.01 });
      frame.slider("beta", { label: "step size β", min: 0.0002, max: 0.018, step: 0.0002 });

      return (s) => {
        plot.curve(
          "one",
          [
            [1, 1],
            [KAPPA, 1],
          ],
          "dashed grey",
        );
        const found = Object.keys(momenta).map((method, i) => {
          const q = worst(s, method);
          plot.curve(
            method,
            H.map((h) => [h, rate(s.rho, s.beta * h, method)]),
            `solid ${KINDS[method]}`,
          );
          plot.text(`${method}-name`, [1.15, 0], `${method}: ${fixed(q, 3)}`, KINDS[method], "start", [
            0,
            -12 - 18 * (2 - i),
          ]);
          return `${method} ${fixed(q, 3)}`;
        });
        return (
          `ρ = ${fixed(s.rho)}, β = ${fixed(s.beta, 4)}. The slowest rates: ${found.join(", ")}. ` +
          `Below 1 a method converges.`
        );
      };
    },
  });
}
