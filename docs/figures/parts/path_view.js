{
  // The path of a run in the plane of two params, from a start that one drags, and its loss after each step.
  figures.parts.pathView = (frame, { x, y, steps, least, label, minimum }) => {
    const plane = frame.plane({ x, y, xLabel: "w₁", yLabel: "w₂", label });
    const losses = frame.plane({
      x: [0, steps],
      y: [1e-16, 1e4],
      yLog: true,
      xLabel: "steps",
      yLabel: "loss",
      label: "The loss after each step, in powers of ten",
    });
    frame.handle(plane, {
      label: "Start",
      at: (s) => [s.x, s.y],
      move: ([x, y]) => ({ x, y }),
      step: [0.05, 0.05],
      tap: true,
      kind: "two",
      say: (s) => `w1 ${s.x}, w2 ${s.y}`,
      tag: "start",
    });
    const show = (seen, lossOf) => {
      plane.curve("path", seen, "thin two");
      plane.dots("steps", seen.slice(1), "two", 2.6);
      plane.dots("minimum", [minimum], "hollow three", 5);
      const values = seen.map((w, t) => [t, Math.max(lossOf(w), least)]);
      losses.curve("line", values, "thin two");
      losses.dots("dots", values, "two", 2.4);
    };
    return { plane, losses, show };
  };
}
