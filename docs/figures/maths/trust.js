{
  const { adaptedLam } = figures.maths;

  // One parameter, one residual: f(w) = r(w)^2 / 2 with r(w) = tanh(2 w) + w / 5, whose curvature is far from constant.
  const residual = (w) => Math.tanh(2 * w) + w / 5;
  const slope = (w) => 2 * (1 - Math.tanh(2 * w) ** 2) + 1 / 5;
  const objective = (w) => 0.5 * residual(w) ** 2;

  /** The damped Gauss-Newton step from w: z, the model `m(t)` along any move t, the trust ratio. */
  function dampedStep(w, lam) {
    const [g, G] = [residual(w) * slope(w), slope(w) ** 2 + lam];
    const model = (t) => 0.5 * G * t * t + g * t;
    const z = -g / G;
    const [predicted, change] = [model(z), objective(w + z) - objective(w)];
    return { z, model, predicted, change, gamma: predicted !== 0 ? change / predicted : 1 };
  }

  /** One iteration: the step is taken, and lambda follows the trust ratio. */
  function trustStep({ w, lam }, factor) {
    const { z, gamma, predicted } = dampedStep(w, lam);
    return { w: w + z, lam: adaptedLam(lam, gamma, predicted, factor) };
  }
  Object.assign(figures.maths, { objective, dampedStep, trustStep, residual });
}
