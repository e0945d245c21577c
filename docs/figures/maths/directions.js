{
  const { dot, norm, plus, scaled, geomspace, planeMinimum, bestPair } = figures.maths;

  // On a quadratic with curvatures `h` along the axes, from w = (1, ..., 1): the loss after each step, over the first.

  const product = (h, v) => v.map((x, i) => h[i] * x);
  const height = (h, w) => 0.5 * dot(w, product(h, w));

  function descents(h, steps, next) {
    let state = { w: h.map(() => 1), z: h.map(() => 0) };
    const first = height(h, state.w);
    const seen = [1];
    for (let t = 0; t < steps; t++) {
      state = next(state);
      seen.push(height(h, state.w) / first);
    }
    return seen;
  }

  /** Each move the lowest point of the plane of z and `g + s H z`: s = 1 is CurveBall, s = 0 conjugate gradients. */
  const lowestPoints = (h, s, steps) =>
    descents(h, steps, ({ w, z }) => {
      if (norm(w) < 1e-150) return { w, z };
      const g = product(h, w);
      const d = plus(g, s, product(h, z));
      const [Hd, Hz] = [product(h, d), product(h, z)];
      const plane = { dGd: dot(d, Hd), zGd: dot(z, Hd), zGz: dot(z, Hz), gd: dot(g, d), gz: dot(g, z) };
      const [rho, beta] = planeMinimum(plane);
      const move = plus(scaled(rho, z), -beta, d);
      return { w: plus(w, 1, move), z: move };
    });

  /** Gradient descent to the lowest point of each line. */
  const steepest = (h, steps) =>
    descents(h, steps, ({ w, z }) => {
      const g = product(h, w);
      const curvature = dot(g, product(h, g));
      return { w: curvature > 0 ? plus(w, -dot(g, g) / curvature, g) : w, z };
    });

  /** CurveBall with fixed coefficients, unless given the best ones for these curvatures. */
  function fixedPair(h, steps, pair = null) {
    const { rho, beta } = pair ?? bestPair(Math.max(...h) / Math.min(...h));
    return descents(h, steps, ({ w, z }) => {
      const d = product(h, plus(w, 1, z));
      const move = plus(scaled(rho, z), -beta, d);
      return { w: plus(w, 1, move), z: move };
    });
  }

  /** What a Newton step damped by lambda leaves of the error along curvature h, after `steps` of them. */
  const left = (h, lam, steps) => (lam / (h + lam)) ** steps;
  /** How far one unit of noise in the gradient moves the step along curvature h. */
  const noiseGain = (h, lam) => 1 / (h + lam);

  const curvatures = (n, kappa) => (n === 1 ? [1] : geomspace(1, kappa, n));
  Object.assign(figures.maths, { lowestPoints, steepest, fixedPair, left, noiseGain, curvatures });
}
