{
  const { dot, plus, scaled, times, transposed, clamp, lossAt } = figures.maths;

  /** Solve `[[a, b], [b, c]] x = r`, positive semi-definite, by its pseudo-inverse. */
  function solveTwoByTwo(a, b, c, r1, r2) {
    const determinant = 1 - (b / (a || 1)) * (b / (c || 1));
    if (a !== 0 && c !== 0 && determinant > 32 * Number.EPSILON) {
      const [upper, lower, first, second] = [b / a, b / c, r1 / a, r2 / c];
      return [(first - upper * second) / determinant, (second - lower * first) / determinant];
    }
    const trace = a + c || 1;
    return [(a * r1 + b * r2) / trace / trace, (b * r1 + c * r2) / trace / trace];
  }

  /** The quadratic model at w: gradient, products with `G + lam I`, `d` at z, and the five numbers of the plane. */
  function planeModel(problem, w, z, lam) {
    const y = problem.residuals(w);
    const J = problem.jacobian(w);
    const JT = transposed(J);
    const g = scaled(2 * problem.scale, times(JT, y));
    const G = (v) => plus(scaled(2 * problem.scale, times(JT, times(J, v))), lam, v);
    const d = plus(G(z), 1, g);
    const [Gd, Gz] = [G(d), G(z)];
    return { g, d, G, dGd: dot(d, Gd), zGd: dot(z, Gd), zGz: dot(z, Gz), gd: dot(g, d), gz: dot(g, z) };
  }

  /** `m(rho z - beta d)`. */
  const planeChange = (p, rho, beta) =>
    0.5 * (beta * beta * p.dGd - 2 * rho * beta * p.zGd + rho * rho * p.zGz) - beta * p.gd + rho * p.gz;

  /** The `[rho, beta]` with the smallest `planeChange`: those that are not given. */
  function planeMinimum(p, rho = null, beta = null) {
    if (rho === null && beta === null) {
      const [b, minusRho] = solveTwoByTwo(p.dGd, p.zGd, p.zGz, p.gd, p.gz);
      return [-minusRho, b];
    }
    if (beta === null) return [rho, p.dGd > 0 ? (p.gd + rho * p.zGd) / p.dGd : 0];
    if (rho === null) return [p.zGz > 0 ? (beta * p.zGd - p.gz) / p.zGz : 0, beta];
    return [rho, beta];
  }

  /** The damping after a trust ratio, by the paper's rule. */
  function adaptedLam(lam, gamma, predicted, factor, low = 0.5, high = 1.5) {
    const up = !(gamma >= low) || !Number.isFinite(gamma) || predicted > 0;
    return clamp(up ? lam / factor : gamma > high ? lam * factor : lam, 1e-8, 1e8);
  }

  /** One step of CurveBall as in the package: `state` has w, z, lam, steps. */
  function curveballStep(problem, { w, z, lam, steps }, options) {
    const { lr = 1, rho = null, beta = null, adapt = false, factor = 0.999, every = 5 } = options;
    if (adapt) lam = clamp(lam, 1e-8, 1e8);
    const plane = planeModel(problem, w, z, lam);
    const [kept, taken] = planeMinimum(plane, rho, beta);
    const predicted = planeChange(plane, kept, taken);
    const next = plus(scaled(kept, z), -taken, plane.d);
    let [gamma, newLam] = [NaN, lam];
    if (adapt && (steps + 1) % every === 0) {
      const change = lossAt(problem, plus(w, 1, next)) - lossAt(problem, w);
      gamma = predicted !== 0 ? change / predicted : 1;
      newLam = adaptedLam(lam, gamma, predicted, factor ** every);
    }
    const state = { w: plus(w, lr, next), z: next, lam: newLam, steps: steps + 1 };
    return { ...state, rho: kept, beta: taken, gamma, predicted };
  }

  /** The iterates of CurveBall: `steps + 1` params, fewer where they leave all bounds. */
  function curveballRun(problem, start, steps, options = {}) {
    let state = { w: start, z: start.map(() => 0), lam: options.lam ?? 1, steps: 0 };
    const seen = [start];
    for (let t = 0; t < steps; t++) {
      state = curveballStep(problem, state, options);
      if (!state.w.every((x) => Math.abs(x) < 1e12)) break;
      seen.push(state.w);
    }
    return seen;
  }
  Object.assign(figures.maths, {
    solveTwoByTwo,
    planeModel,
    planeChange,
    planeMinimum,
    adaptedLam,
    curveballStep,
    curveballRun,
  });
}
