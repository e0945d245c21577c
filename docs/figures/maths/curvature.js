{
  const { residual, objective } = figures.maths;

  // Both curvatures of f(w) = r(w)^2 / 2 with the residual of trust.js: H = r'^2 + r r'', G = r'^2.

  /** Gradient, exact curvature, Gauss-Newton curvature, and the Newton step with each of the two. */
  function curvatureAt(w) {
    const t = Math.tanh(2 * w);
    const [first, second] = [2 * (1 - t * t) + 1 / 5, -8 * t * (1 - t * t)];
    const r = residual(w);
    const [g, G] = [r * first, first * first];
    const H = G + r * second;
    return { g, H, G, newton: -g / H, gaussNewton: -g / G };
  }

  /** The parabola of `f` at w with a curvature, after a move. */
  const parabola = (w, curvature, move) => objective(w) + curvatureAt(w).g * move + 0.5 * curvature * move * move;
  Object.assign(figures.maths, { curvatureAt, parabola });
}
