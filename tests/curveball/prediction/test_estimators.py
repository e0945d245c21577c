"""The estimators of scikit-learn's: its own checks, and that they are what they say."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from curveball.prediction.classifier import CurveBallClassifier
from curveball.prediction.regressor import CurveBallRegressor


@pytest.mark.filterwarnings("ignore")  # of scikit-learn's own, about its checks
@pytest.mark.parametrize("estimator", [CurveBallClassifier, CurveBallRegressor])
def test_check_estimator(estimator):
    found = check_estimator(estimator(), on_skip=None)
    assert not [each["check_name"] for each in found if each["status"] not in ("passed", "skipped")]
