"""A regressor that scikit-learn's pipelines, searches and cross-validation can use."""

from __future__ import annotations

from typing import Any

import numpy as np

from curveball.prediction.estimator import NetworkEstimator, as_data
from minigrad.extras import from_extra
from problems.data.own_data import NumberData, column_statistics
from problems.vision.regression import Regression

with from_extra("data"):
    from sklearn.base import RegressorMixin
    from sklearn.utils import Tags
    from sklearn.utils.validation import check_is_fitted, validate_data


class CurveBallRegressor(RegressorMixin, NetworkEstimator):
    """A network that predicts numbers, trained with CurveBall, as an estimator of scikit-learn's.

    The parameters are those of `CurveBallClassifier`; `hidden=()` is linear regression. Features and targets are
    standardised by the training data. y may have several columns.

    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> bool(CurveBallRegressor(random_state=0).fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any) -> CurveBallRegressor:
        """Train on X (n, features) and numbers y, (n,) or (n, k)."""
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        self._is_column = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(np.float64)
        mean, std = column_statistics("y", "column", targets)
        names = tuple(f"target{k}" for k in range(targets.shape[1]))
        data = as_data(X, targets, names, NumberData, target_mean=mean, target_std=std)
        self._train(Regression, data, len(names))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The numbers (n,) or (n, k), as y was."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        values = self.predictor_(X).values
        return values[:, 0] if self._is_column else values

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
