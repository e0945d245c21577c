{
  const { quadratic, planeModel, planeChange, planeMinimum, lossAt, scaled, plus, geomspace, clamp } = figures.maths;
  const { fixed, short } = figures.parts;

  const AT = [-1.6, 1.2];
  const model = (s) => planeModel(quadratic([1, 4], 0.6), AT, [s.zx, s.zy], s.lam);
  /** Which part of the decrease that is possible the chosen pair has. */
  const part = (s) => {
    const p = model(s);
    return planeChange(p, s.rho, s.beta) / planeChange(p, ...planeMinimum(p));
  };

  // The 2x2 system: the quadratic model over all pairs (rho, beta) is itself a bowl, and its lowest point is the pair
  // that CurveBall takes.
  figures.add("two_by_two", {
    title: "The bowl over ρ and β",
    start: { rho: 0, beta: 0.05, zx: 1, zy: 0.6, lam: 0.5 },
    task: {
      text:
        "Drag the pair (ρ, β) to the bottom of the second bowl, until at least 98% of the possible decrease is " +
        "reached. The lowest point shows itself then.",
      met: (s) => part(s) > 0.98,
      after:
        "The ring is the solution of the 2 × 2 system. In two dimensions z and d span everything, so that the step " +
        "ends at Newton’s, damped by λ.",
    },

    build(frame) {
      const left = frame.plane({
        x: [-3, 2],
        y: [-2.05, 2],
        xLabel: "w₁",
        yLabel: "w₂",
        label: "The objective from above, with z, minus d and the step that the pair makes of them",
      });
      const right = frame.plane({
        x: [-1.5, 2],
        y: [-0.1, 0.6],
        xLabel: "momentum ρ",
        yLabel: "step size β",
        label: "The predicted change for every pair of momentum and step size: a bowl",
      });
      frame.handle(left, {
        label: "The tip of z",
        at: (s) => [AT[0] + s.zx, AT[1] + s.zy],
        step: [0.05, 0.05],
        kind: "one",
        tag: "z",
        move: ([x, y]) => ({ zx: x - AT[0], zy: y - AT[1] }),
        say: (s) => `z is ${fixed(s.zx)}, ${fixed(s.zy)}`,
      });
      frame.handle(right, {
        label: "Momentum and step size",
        at: (s) => [s.rho, s.beta],
        move: ([rho, beta]) => ({ rho, beta }),
        step: [0.01, 0.005],
        tap: true,
        kind: "two",
        say: (s) => `rho ${s.rho}, beta ${s.beta}`,
      });
      frame.slider("rho", { label: "momentum ρ", min: -1.5, max: 2, step: 0.01 });
      frame.slider("beta", { label: "step size β", min: -0.1, max: 0.6, step: 0.005 });
      frame.slider("lam", { label: "damping λ", min: 0, max: 5, step: 0.05 });

      return (s) => {
        const bowl = quadratic([1, 4], 0.6);
        const p = model(s);
        const z = [s.zx, s.zy];
        left.levels("bowl", (x, y) => lossAt(bowl, [x, y]), geomspace(0.05, 12, 8), "levels grey");
        left.dots("minimum", [[0, 0]], "hollow three", 5);
        left.curve("z", [AT, plus(AT, 1, z)], "solid one");
        const descent = scaled(-Math.min(0.2, 1.4 / Math.hypot(...p.d)), p.d);
        left.arrow("d", AT, plus(AT, 1, descent), "four");
        left.text("d-name", plus(AT, 1, descent), "−d", "four", "start", [6, 4]);
        const step = plus(scaled(s.rho, z), -s.beta, p.d);
        left.arrow("step", AT, plus(AT, 1, step), "two");
        left.text("step-name", plus(AT, 1, step), "ρz − βd", "two", "start", [6, 14]);
        left.dots("here", [AT], "grey", 4);
        const best = planeMinimum(p);
        const lowest = planeChange(p, ...best);
        const levels = geomspace(0.02, 12, 8).map((share) => lowest + share * Math.abs(lowest));
        right.levels("bowl", (rho, beta) => planeChange(p, rho, beta), levels, "levels one");
        right.dots("best", part(s) > 0.98 || frame.met ? [best] : [], "hollow three", 9);
        const share = clamp(part(s), -99, 1);
        return (
          `ρ = ${fixed(s.rho)}, β = ${fixed(s.beta, 3)}: the model predicts a change of ` +
          `${short(planeChange(p, s.rho, s.beta))}` +
          (share < 0 ? ", an increase." : `, which is ${Math.floor(100 * share)}% of the decrease that is possible.`)
        );
      };
    },
  });
}
