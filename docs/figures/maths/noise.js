{
  const { normals, rate } = figures.maths;

  /** The variance of w that noise of deviation sigma in the gradient leaves in a mode with curvature h. */
  function variance(rho, beta, h, sigma) {
    const a = beta * h;
    const [tr, det] = [1 + rho - 2 * a, rho - a];
    return ((beta * sigma) ** 2 * (1 + det)) / ((1 - tr + det) * (1 + tr + det) * (1 - det));
  }

  /** CurveBall in modes `h` with noise `noise[t][i]` in the gradient: the params after each step. */
  function noisyRun(rho, beta, h, start, noise) {
    const [w, z] = [[...start], h.map(() => 0)];
    return noise.map((draws) => {
      h.forEach((curvature, i) => {
        z[i] = rho * z[i] - beta * (curvature * (z[i] + w[i]) + draws[i]);
        w[i] += z[i];
      });
      return [...w];
    });
  }

  /** Draws for `noisyRun`, the same ones each time. */
  function draws(steps, modes, sigma, seed = 1) {
    const normal = normals(seed);
    return Array.from({ length: steps }, () => Array.from({ length: modes }, () => sigma * normal()));
  }

  /** The slowest rate over modes. */
  const slowest = (rho, beta, h) => Math.max(...h.map((curvature) => rate(rho, beta * curvature)));
  Object.assign(figures.maths, { variance, noisyRun, draws, slowest });
}
