{
  const { left, noiseGain, geomspace } = figures.maths;
  const { short, fixed } = figures.parts;

  const STEPS = 10;
  const LOW = 0.01;
  const SPECTRUM = geomspace(1e-4, 100, 25);

  // What a lambda does to each direction: how much of the error is left, and how much of the noise comes through.
  figures.add("damping", {
    title: "Which directions does λ slow down?",
    start: { lam: 0.1 },
    task: {
      text:
        `Choose λ so that after ${STEPS} steps less than 1% of the error is left along h = 1, while ` +
        `along h = 0.01 at least 90% ` +
        "is still there: the directions that noise would rule are left alone.",
      met: ({ lam }) => left(1, lam, STEPS) < 0.01 && left(LOW, lam, STEPS) >= 0.9,
      after:
        "λ draws a line through the spectrum: curvatures well above it are solved, those well below it hardly move.",
    },

    build(frame) {
      const about = { x: [1e-4, 100], xLog: true, xLabel: "curvature h" };
      const error = frame.plane({
        ...about,
        y: [0, 1.05],
        yLabel: `error left after ${STEPS} steps`,
        label: "The part of the error that is left, over the curvature",
      });
      const noise = frame.plane({
        ...about,
        y: [1e-2, 1e4],
        yLog: true,
        yLabel: "what noise of size 1 moves",
        label: "How far noise moves the step, over the curvature",
      });
      const put = {
        step: [0, 0],
        move: ([x]) => ({ lam: Number(x.toPrecision(3)) }),
        tap: true,
        within: [
          [1e-4, 100],
          [0, 1.05],
        ],
      };
      const handle = frame.handle(error, {
        ...put,
        label: "lambda",
        at: (s) => [s.lam, 0.5],
        kind: "two",
        tag: "λ",
        say: (s) => `lambda ${short(s.lam)}`,
      });
      handle.on("keydown.ratio", (event) => {
        const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (way)
          frame.set({
            lam: Number(
              Math.min(
                Math.max(frame.state.lam * 10 ** (0.05 * way * (event.shiftKey ? 10 : 1)), 1e-4),
                100,
              ).toPrecision(3),
            ),
          });
      });
      frame.slider("lam", { label: "damping λ", min: 1e-4, max: 100, log: true });

      return ({ lam }) => {
        const fine = geomspace(1e-4, 100, 200);
        error.curve(
          "lam",
          [
            [lam, 0],
            [lam, 1.05],
          ],
          "dashed two",
        );
        error.curve(
          "left",
          fine.map((h) => [h, left(h, lam, STEPS)]),
          "solid one",
        );
        error.dots(
          "spectrum",
          SPECTRUM.map((h) => [h, left(h, lam, STEPS)]),
          "one",
          3.2,
        );
        error.curve(
          "goal",
          [
            [1, 0.01],
            [1, 0.9],
            [NaN, NaN],
            [LOW, 0.01],
            [LOW, 0.9],
          ],
          "thin four",
        );
        error.dots(
          "ends",
          [
            [1, left(1, lam, STEPS)],
            [LOW, left(LOW, lam, STEPS)],
          ],
          "hollow four",
          5,
        );
        noise.curve(
          "lam",
          [
            [lam, 1e-2],
            [lam, 1e4],
          ],
          "dashed two",
        );
        noise.curve(
          "undamped",
          fine.map((h) => [h, 1 / h]),
          "dashed grey",
        );
        noise.curve(
          "gain",
          fine.map((h) => [h, noiseGain(h, lam)]),
          "solid one",
        );
        noise.dots(
          "spectrum",
          SPECTRUM.map((h) => [h, noiseGain(h, lam)]),
          "one",
          3.2,
        );
        error.text("one-name", [1, 0.9], "h = 1", "four", "middle", [0, -6]);
        error.text("low-name", [LOW, 0.9], "h = 0.01", "four", "middle", [0, -6]);
        const percent = (h) =>
          left(h, lam, STEPS) < 0.0005 ? "less than 0.1%" : `${fixed(100 * left(h, lam, STEPS), 1)}%`;
        return (
          `λ = ${short(lam)}: of the error, ${percent(1)} is left along h = 1, and ${percent(LOW)} along h = 0.01. ` +
          `A unit of noise moves the flattest direction by ${short(noiseGain(1e-4, lam))}; ` +
          `without damping by ${short(1e4)}.`
        );
      };
    },
  });
}
