{
  // One mode of a quadratic with a = beta h: P(mu) = mu^2 - tr mu + det, as in notebook 6. What differs between the
  // methods is det, the momentum; tr = 1 + det - a for all three.
  const momenta = {
    "heavy ball": (rho, a) => rho,
    Nesterov: (rho, a) => rho * (1 - a),
    CurveBall: (rho, a) => rho - a,
  };

  /** The two roots of `mu^2 - tr mu + det`, each `[real, imaginary]`. */
  function rootsOf(tr, det) {
    const square = tr * tr - 4 * det;
    if (square < 0) return [1, -1].map((sign) => [tr / 2, (sign * Math.sqrt(-square)) / 2]);
    const large = (tr + (tr < 0 ? -1 : 1) * Math.sqrt(square)) / 2; // without cancellation
    return [
      [large, 0],
      [large === 0 ? 0 : det / large, 0],
    ];
  }

  /** The roots of a method in one mode. */
  function modeRoots(rho, a, method = "CurveBall") {
    const det = momenta[method](rho, a);
    return rootsOf(1 + det - a, det);
  }

  /** The larger modulus: by how much a step multiplies the error in the long run. */
  const rate = (rho, a, method = "CurveBall") => Math.max(...modeRoots(rho, a, method).map((mu) => Math.hypot(...mu)));

  /** Whether CurveBall converges in this mode. */
  const converges = (rho, a) => a > 0 && 1.5 * a - 1 < rho && rho < 1 + a;

  /** `w - w*` of CurveBall in one mode with h = 1, from 1 with z = 0. */
  function modeRun(rho, a, steps) {
    const seen = [1];
    for (let t = 0, z = 0, w = 1; t < steps; t++) {
      z = rho * z - a * (z + w);
      w += z;
      seen.push(w);
    }
    return seen;
  }

  /** CurveBall's best `{ rho, beta, q }` for curvatures from 1 to kappa >= 3, by bisection for the rate. */
  function bestPair(kappa) {
    const range = (q) => ((1 + q) * (1 - q + 2 * q * q)) / ((1 + 2 * q) * (1 - q) ** 2);
    let [low, high] = [0.5, 1];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (range(middle) < kappa) low = middle;
      else high = middle;
    }
    const q = (low + high) / 2;
    return { rho: q * q + (1 - q) ** 2, beta: (1 - q) ** 2, q };
  }
  Object.assign(figures.maths, { momenta, rootsOf, modeRoots, rate, converges, modeRun, bestPair });
}
