{
  const { dot } = figures.maths;

  // A problem is least squares: `residuals(w)`, their `jacobian(w)`, and the loss `scale |residuals|^2`.

  /** `1/2 w.H w` with curvatures `h` along axes that are turned by `angle` (two variables), or not turned. */
  function quadratic(h, angle = 0) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const basis =
      h.length === 2
        ? [
            [c, s],
            [-s, c],
          ]
        : h.map((_, i) => h.map((_, j) => (i === j ? 1 : 0)));
    const rows = basis.map((row, i) => row.map((x) => Math.sqrt(h[i]) * x));
    return { scale: 0.5, basis, residuals: (w) => rows.map((row) => dot(row, w)), jacobian: () => rows };
  }

  /** `100 (w2 - w1^2)^2 + (1 - w1)^2`. */
  const rosenbrock = {
    scale: 1,
    residuals: ([x, y]) => [10 * (y - x * x), 1 - x],
    jacobian: ([x]) => [
      [-20 * x, 10],
      [-1, 0],
    ],
  };

  function lossAt(problem, w) {
    const y = problem.residuals(w);
    return problem.scale * dot(y, y);
  }
  Object.assign(figures.maths, { quadratic, rosenbrock, lossAt });
}
