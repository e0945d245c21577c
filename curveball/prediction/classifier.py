"""A classifier that scikit-learn's pipelines, searches and cross-validation can use."""

from __future__ import annotations

from typing import Any

import numpy as np

from curveball.prediction.estimator import NetworkEstimator, as_data
from minigrad.extras import from_extra
from problems.vision.classification import Classification

with from_extra("data"):
    from sklearn.base import ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data


class CurveBallClassifier(ClassifierMixin, NetworkEstimator):
    """A network trained with CurveBall, as an estimator of scikit-learn's.

    - `hidden`: units of the hidden layers, with tanh; `()` is logistic regression
    - `solver`: as on the command line, "curveball" or "sgd:lr=0.1", or a solver
    - `epochs`: passes over the data; None: 20, and at least 100 steps
    - `batch_size`: rows per step; None: about 128
    - `initialisation`: "he" or "xavier"
    - `random_state`: of the start and of the order of the batches

    Features are standardised by the training data. After `fit`: `classes_`, `loss_curve_`, `n_epochs_`, `predictor_`.
    `fit` raises ValueError for data that are not finite, for one class, and where the loss diverges.

    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> bool(CurveBallClassifier(random_state=0).fit(x, y).score(x, y) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any) -> CurveBallClassifier:
        """Train on X (n, features) and labels y (n,), of any type."""
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"CurveBallClassifier needs two classes or more; y has one class: {self.classes_.tolist()[0]!r}"
            )
        names = tuple(map(str, self.classes_.tolist()))
        self._train(Classification, as_data(X, numbers.astype(np.int64), names), len(names))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, classes), in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.predictor_(X).probabilities

    def predict(self, X: Any) -> np.ndarray:
        """The most likely label of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]
