{
  const { record, pushed } = figures.maths;
  const { fixed, factor, tapeView } = figures.parts;
  const LAST = 6;

  // The tape of a small expression, with a tangent pushed forward row by row.
  figures.add("push", {
    title: "Push a tangent through the tape",
    start: { x1: 1.5, x2: 0.5, v1: 1, v2: 0, at: 1 },
    task: {
      text:
        "Find a direction (ẋ₁, ẋ₂), not zero, in which y does not change: push it to the last row, where ẏ must be 0 " +
        "within 0.02.",
      met: (s) =>
        s.at === LAST &&
        Math.hypot(s.v1, s.v2) >= 0.5 &&
        Math.abs(pushed(record([s.x1, s.x2]), [s.v1, s.v2])[LAST]) < 0.02,
      after: "The direction runs along a level line of y: it is orthogonal to the gradient.",
    },

    build(frame) {
      const show = tapeView(frame, record([1.5, 0.5]), {
        title: "The tape of y = sin(x₁ x₂) + x₁ exp x₂",
        mark: "tangent",
      });
      frame.buttons({
        "Next row": (s) => ({ at: Math.min(s.at + 1, LAST) }),
        "Row before": (s) => ({ at: Math.max(s.at - 1, 1) }),
        "To the end": () => ({ at: LAST }),
      });
      frame.slider("v1", { label: "tangent ẋ₁", min: -2, max: 2, step: 0.05 });
      frame.slider("v2", { label: "tangent ẋ₂", min: -2, max: 2, step: 0.05 });
      frame.slider("x1", { label: "argument x₁", min: -2, max: 2, step: 0.1 });
      frame.slider("x2", { label: "argument x₂", min: -2, max: 2, step: 0.1 });

      return (s) => {
        const rows = record([s.x1, s.x2]);
        const tangents = pushed(rows, [s.v1, s.v2]);
        show(
          rows,
          tangents.map((t, i) => (i <= s.at ? t : null)),
          s.at,
          (row) => row === s.at,
        );
        const { name, from, factors } = rows[s.at];
        if (!from.length)
          return `The tangents of x₁ and x₂ are ${fixed(s.v1)} and ${fixed(s.v2)}. Press “Next row” to push them on.`;
        const sum = from.map((row, i) => `${factor(factors[i])} · ${factor(tangents[row])}`).join(" + ");
        return (
          `Row ${s.at}, ${name}: its tangent is ${sum} = ${fixed(tangents[s.at], 3)}.` +
          (s.at === LAST ? ` So y changes by ${fixed(tangents[LAST], 3)} for each unit along the direction.` : "")
        );
      };
    },
  });
}
