{
  const { dot, times, transposed } = figures.maths;

  /** The singular values of a 2x2 matrix, and the angle of its first right singular vector. */
  function singular(A) {
    const AT = transposed(A);
    const [[p, q], [, r]] = AT.map((row) => AT.map((other) => dot(row, other)));
    const [middle, radius] = [(p + r) / 2, Math.hypot((p - r) / 2, q)];
    const values = [middle + radius, Math.max(middle - radius, 0)].map(Math.sqrt);
    return { values, angle: 0.5 * Math.atan2(2 * q, p - r) };
  }

  /** The angle between two lines, in degrees, at most 90; 0 where one is a point. */
  function between(a, b) {
    const cross = Math.abs(a[0] * b[1] - a[1] * b[0]);
    return (Math.atan2(cross, Math.abs(dot(a, b))) * 180) / Math.PI;
  }

  /** `A^T A v`. */
  const thereAndBack = (A, v) => times(transposed(A), times(A, v));
  Object.assign(figures.maths, { singular, between, thereAndBack });
}
