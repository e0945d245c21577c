{
  // y = sin(x1 x2) + x1 exp(x2), recorded as minigrad records it: each operation a value, and for each argument the
  // row that it comes from and the factor of its linear map there.
  const OPERATIONS = [
    ["x₁"],
    ["x₂"],
    ["a = x₁ · x₂", [0, 1], (p, q) => p * q, (p, q) => [q, p]],
    ["b = sin a", [2], Math.sin, (p) => [Math.cos(p)]],
    ["c = exp x₂", [1], Math.exp, (p) => [Math.exp(p)]],
    ["d = x₁ · c", [0, 4], (p, q) => p * q, (p, q) => [q, p]],
    ["y = b + d", [3, 5], (p, q) => p + q, () => [1, 1]],
  ];

  /** The tape at x: rows of `{ name, from, value, factors }`. */
  function record(x) {
    const rows = [];
    for (const [name, from = [], value, factors] of OPERATIONS) {
      const given = from.map((row) => rows[row].value);
      const [out, maps] = from.length ? [value(...given), factors(...given)] : [x[rows.length], []];
      rows.push({ name, from, value: out, factors: maps });
    }
    return rows;
  }

  /** The tangents of the rows, from those of x: in the order of the tape. */
  function pushed(rows, tangent) {
    const seen = [];
    for (const { from, factors } of rows)
      seen.push(from.length ? from.reduce((sum, row, i) => sum + factors[i] * seen[row], 0) : tangent[seen.length]);
    return seen;
  }

  /** The cotangents after the last `count` operations: against the order. A row that nothing has reached has 0. */
  function pulled(rows, cotangent, count = rows.length) {
    const bars = rows.map(() => 0);
    bars[rows.length - 1] = cotangent;
    for (let row = rows.length - 1; row >= Math.max(rows.length - count, 0); row--)
      rows[row].from.forEach((source, i) => (bars[source] += rows[row].factors[i] * bars[row]));
    return bars;
  }
  Object.assign(figures.maths, { record, pushed, pulled, inputs: 2 });
}
