{
  const { lowestPoints, steepest, fixedPair, curvatures } = figures.maths;
  const { short } = figures.parts;

  const STEPS = 160;
  const GOAL = 1e-8;
  const below = (losses) => losses.findIndex((f) => f < GOAL);

  // Conjugate gradients and CurveBall each take the lowest point of a plane. The planes differ by how much
  // of H z is in the direction.
  figures.add("conjugate_gradients", {
    title: "Which plane? Conjugate gradients and CurveBall",
    start: { n: 8, kappa: 100, s: 1 },
    task: {
      text:
        "The plane is that of z and g + s H z. With 8 directions or more and κ = 100 or more, find an s " +
        "for which the loss is " +
        "under 10⁻⁸ of its start in as many steps as there are directions.",
      met: ({ n, kappa, s }) => {
        const first = below(lowestPoints(curvatures(n, kappa), s, STEPS));
        return n >= 8 && kappa >= 100 && first >= 0 && first <= n;
      },
      after:
        "s = 0 is conjugate gradients: its plane holds the lowest point of all directions so far. " +
        "s = 1 is CurveBall, whose d is the gradient one move ahead: its plane misses that point from step 3 on.",
    },

    build(frame) {
      const plot = frame.plane({
        x: [0, STEPS],
        y: [1e-16, 10],
        yLog: true,
        height: 330,
        xLabel: "steps",
        yLabel: "loss, over the first",
        label: "The loss of four methods after each step, in powers of ten",
      });
      const bars = frame.plane({
        x: [0, STEPS],
        y: [0, 4.4],
        yTicks: [],
        height: 330,
        margin: { left: 14 },
        xLabel: "steps until the loss is below 10⁻⁸",
        label: "For each method, the steps that it needs",
      });
      frame.slider("s", { label: "share s of H z", min: -0.5, max: 1.5, step: 0.05 });
      frame.slider("n", { label: "directions n", min: 2, max: 20, step: 1 });
      frame.slider("kappa", { label: "condition κ", min: 3, max: 1000, log: true });

      return ({ n, kappa, s }) => {
        const h = curvatures(n, kappa);
        const runs = [
          ["steepest descent", steepest(h, STEPS), "grey"],
          ["CurveBall, best pair", fixedPair(h, STEPS), "one"],
          ["CurveBall, s = 1", lowestPoints(h, 1, STEPS), "four"],
          [`plane with s = ${short(s)}`, lowestPoints(h, s, STEPS), "two"],
        ];
        plot.curve(
          "goal",
          [
            [0, GOAL],
            [STEPS, GOAL],
          ],
          "dashed three",
        );
        runs.forEach(([name, losses, kind], i) => {
          plot.curve(
            `line-${i}`,
            losses.map((f, t) => [t, Math.max(f, 1e-40)]),
            `${i === 3 ? "solid" : "thin"} ${kind}`,
          );
          const first = below(losses);
          const [y, end] = [3.6 - i, first < 0 ? STEPS : first];
          bars.curve(
            `bar-${i}`,
            [
              [0, y - 0.22],
              [end, y - 0.22],
              [end, y + 0.16],
              [0, y + 0.16],
            ],
            `fill ${kind}`,
            true,
          );
          bars.text(
            `name-${i}`,
            [0, y + 0.28],
            `${name}: ${first < 0 ? `more than ${STEPS}` : first}`,
            kind === "grey" ? "" : kind,
            "start",
            [4, 0],
          );
        });
        const first = below(runs[3][1]);
        return (
          `With s = ${short(s)}, ${n} directions and κ = ${short(kappa)}: ` +
          (first < 0
            ? `after ${STEPS} steps the loss is still ${short(runs[3][1].at(-1))} of its start.`
            : `${first} steps to 10⁻⁸ of the start.`) +
          ` CurveBall’s plane (s = 1) ` +
          `${below(runs[2][1]) < 0 ? `needs more than ${STEPS}` : `needs ${below(runs[2][1])}`}.`
        );
      };
    },
  });
}
