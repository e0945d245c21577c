{
  const { record, pulled } = figures.maths;
  const { fixed, factor, tapeView } = figures.parts;
  const ROWS = 7;
  const OPERATIONS = 5;

  // The same tape read from its end: a cotangent pulled back, and added up where a value was used twice.
  figures.add("pull", {
    title: "Pull a cotangent back",
    start: { x1: 1.5, x2: 0.5, bar: 1, guess: 0, done: 0 },
    task: {
      text:
        "Go back row by row, but stop before the last one. Work out the cotangent of x₂ that the last " +
        "step will give, and " +
        "type it as your answer, within 0.02. (x₂ was used twice.)",
      met: (s) =>
        s.done === OPERATIONS - 1 &&
        Math.abs(s.bar) > 0.1 &&
        Math.abs(s.guess - pulled(record([s.x1, s.x2]), s.bar)[1]) < 0.02,
      after:
        "Where a value is used twice, its two cotangents are added. The sums at x₁ and x₂ are the gradient times ȳ.",
    },

    build(frame) {
      const show = tapeView(frame, record([1.5, 0.5]), {
        title: "The tape of y = sin(x₁ x₂) + x₁ exp x₂",
        mark: "cotangent",
      });
      frame.buttons({
        "Back one row": (s) => ({ done: Math.min(s.done + 1, OPERATIONS) }),
        "Undo a row": (s) => ({ done: Math.max(s.done - 1, 0) }),
      });
      frame.slider("guess", { label: "your answer x̄₂", min: -12, max: 12, step: 0.01 });
      frame.slider("bar", { label: "cotangent ȳ", min: -2, max: 2, step: 0.1 });
      frame.slider("x1", { label: "argument x₁", min: -2, max: 2, step: 0.1 });
      frame.slider("x2", { label: "argument x₂", min: -2, max: 2, step: 0.1 });

      return (s) => {
        const rows = record([s.x1, s.x2]);
        const order = [6, 5, 4, 3, 2]; // from the last operation to the first
        const bars = pulled(rows, s.bar, s.done);
        const reached = new Set([6, ...order.slice(0, s.done).flatMap((row) => rows[row].from)]);
        const now = s.done ? order[s.done - 1] : ROWS - 1;
        show(
          rows,
          bars.map((c, i) => (reached.has(i) ? c : null)),
          now,
          (row) => s.done > 0 && row === now,
        );
        if (!s.done)
          return `The cotangent of y is ${fixed(s.bar)}. Press “Back one row” to pull it back through ${rows[6].name}.`;
        const { name, from, factors } = rows[now];
        const parts = from.map(
          (row, i) =>
            `${rows[row].name.split(" ")[0]} receives ${factor(factors[i])} · ${factor(bars[now])}` +
            ` = ${fixed(factors[i] * bars[now], 3)}`,
        );
        return (
          `Row ${now}, ${name}: ${parts.join(", and ")}.` +
          (s.done === OPERATIONS - 1 ? " One row is left: a = x₁ · x₂. What will x₂ have in the end?" : "") +
          (s.done === OPERATIONS ? ` In the end x̄₁ = ${fixed(bars[0], 3)} and x̄₂ = ${fixed(bars[1], 3)}.` : "")
        );
      };
    },
  });
}
