{
  // Vectors are lists of numbers, matrices lists of rows.
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const norm = (a) => Math.sqrt(dot(a, a));
  const scaled = (s, a) => a.map((x) => s * x);
  /** `a + s b`. */
  const plus = (a, s, b) => a.map((x, i) => x + s * b[i]);
  const times = (A, x) => A.map((row) => dot(row, x));
  const transposed = (A) => A[0].map((_, j) => A.map((row) => row[j]));
  /** `count` numbers from `from` to `to`. */
  const linspace = (from, to, count) =>
    Array.from({ length: count }, (_, i) => from + ((to - from) * i) / Math.max(count - 1, 1));
  /** The same in equal ratios. */
  const geomspace = (from, to, count) => linspace(Math.log(from), Math.log(to), count).map(Math.exp);
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  Object.assign(figures.maths, { dot, norm, scaled, plus, times, transposed, linspace, geomspace, clamp });
}
