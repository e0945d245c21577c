{
  const { objective, dampedStep, trustStep, linspace } = figures.maths;
  const { fixed, short } = figures.parts;

  // Function and quadratic model along one step: the trust ratio says how far the model can be believed.
  figures.add("trust_ratio", {
    title: "How far is the model to be trusted?",
    start: { w: 1, lam: 0.03, path: [] },
    task: {
      text:
        "From w = 1, find the λ with the longest step that the model still describes: a trust ratio between 0.5 and " +
        "1.5, and a step of at least 1.5 in size.",
      met: (s) => {
        const { z, gamma } = dampedStep(s.w, s.lam);
        return s.w === 1 && gamma >= 0.5 && gamma <= 1.5 && Math.abs(z) >= 1.5;
      },
      after: "Between 0.5 and 1.5 the paper’s rule leaves λ alone. Below it λ grows, above it λ shrinks.",
    },

    build(frame) {
      const plane = frame.plane({
        x: [-3, 3],
        y: [-0.3, 1.3],
        height: 320,
        xLabel: "w",
        yLabel: "objective",
        label: "The objective, and its quadratic model at w",
      });
      const plot = frame.plane({
        x: [1e-4, 10],
        y: [-1, 2],
        xLog: true,
        height: 320,
        xLabel: "damping λ",
        yLabel: "trust ratio γ",
        label: "The trust ratio for every damping, at this w",
      });
      const curve = linspace(-3, 3, 181);
      plane.curve(
        "objective",
        curve.map((w) => [w, objective(w)]),
        "solid one",
      );
      plane.text("objective-name", [-2.9, objective(-2.9)], "f", "one", "start", [0, -8]);
      frame.handle(plane, {
        label: "w",
        at: (s) => [s.w, objective(s.w)],
        within: [
          [-2, 2],
          [0, 2],
        ],
        move: ([w]) => ({ w, path: [] }),
        step: [0.05, 0],
        kind: "one",
        tag: "w",
        say: (s) => `w ${fixed(s.w)}`,
      });
      frame.buttons({
        "Take the step; λ follows": (s) => ({ ...trustStep(s, 0.5), path: [...s.path, s.w].slice(-20) }),
      });
      frame.slider("lam", { label: "damping λ", min: 1e-4, max: 10, log: true });
      frame.slider("w", { label: "w", min: -2, max: 2, step: 0.05 });

      return (s) => {
        const { z, model, predicted, change, gamma } = dampedStep(s.w, s.lam);
        const here = objective(s.w);
        plane.curve(
          "model",
          curve.map((w) => [w, here + model(w - s.w)]),
          "dashed two",
        );
        const end = s.w + z;
        plane.dots(
          "path",
          s.path.map((w) => [w, objective(w)]),
          "one faint",
          4,
        );
        plane.curve(
          "gap",
          [
            [end, here + predicted],
            [end, objective(end)],
          ],
          "solid four",
        );
        plane.dots("predicted", [[end, here + predicted]], "hollow two", 5);
        plane.dots("found", [[end, objective(end)]], "four", 5);
        plane.text("model-name", [end, here + predicted], "model", "two", "middle", [0, 19]);
        plane.text("found-name", [end, objective(end)], "found", "four", "middle", [0, -10]);
        const lams = linspace(-4, 1, 161).map((e) => 10 ** e);
        plot.curve(
          "low",
          [
            [1e-4, 0.5],
            [10, 0.5],
            [10, 1.5],
            [1e-4, 1.5],
          ],
          "fill three",
          true,
        );
        plot.curve(
          "gammas",
          lams.map((lam) => [lam, dampedStep(s.w, lam).gamma]),
          "solid one",
        );
        plot.dots("now", [[s.lam, gamma]], "four", 6);
        const verdict =
          gamma < 0.5 || predicted > 0
            ? "too little: λ would grow."
            : gamma > 1.5
              ? "more than enough: λ would shrink."
              : "λ would stay.";
        return (
          `λ = ${short(s.lam)}: a step of ${fixed(z, 3)}. Predicted ${fixed(predicted, 3)}, found ` +
          `${fixed(change, 3)}: the trust ratio ` +
          `is ${fixed(gamma, 2)}, ${verdict}`
        );
      };
    },
  });
}
