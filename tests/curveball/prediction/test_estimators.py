"""The estimators of scikit-learn's: its own checks, closed forms, and what pipelines and searches need."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import check_estimator

import curveball
from curveball import SGD, CurveBallClassifier, CurveBallRegressor
from tests.support.packages import run

IRIS = load_iris(return_X_y=True)


@pytest.mark.filterwarnings("ignore")  # of scikit-learn's own, about its checks
@pytest.mark.parametrize("estimator", [CurveBallClassifier, CurveBallRegressor])
def test_scikit_learns_own_checks(estimator):
    found = check_estimator(estimator(), on_skip=None)
    assert len(found) > 40
    assert not [each["check_name"] for each in found if each["status"] not in ("passed", "skipped")]


def test_linear_regression_has_a_closed_form():
    rng = np.random.default_rng(0)
    x = rng.normal(2000.0, [1.0, 2.0, 3.0], (60, 3))
    y = x @ rng.normal(size=(3, 2)) + [5.0, -300.0] + 0.1 * rng.normal(size=(60, 2))
    exact = LinearRegression().fit(x, y)
    for columns in (slice(None), 0):
        ours = CurveBallRegressor(hidden=(), epochs=150, random_state=0).fit(x, y[:, columns])
        np.testing.assert_allclose(ours.predict(x), exact.predict(x)[:, columns], atol=1e-4)


def test_classes_of_any_type_and_probabilities():
    x, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    ours = CurveBallClassifier(epochs=20, random_state=0).fit(x, names)
    p = ours.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (ours.classes_[p.argmax(axis=1)] == ours.predict(x)).all()
    assert np.mean(ours.predict(x) == names) > 0.95
    again = CurveBallClassifier(epochs=20, random_state=0).fit(x, names)
    np.testing.assert_array_equal(again.predict_proba(x), p)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ours)).predict_proba(x), p)


def test_pipelines_searches_and_cross_validation():
    x, y = IRIS
    pipeline = make_pipeline(PolynomialFeatures(2), CurveBallClassifier(hidden=(8,), epochs=10, random_state=0))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.9
    search = GridSearchCV(CurveBallClassifier(epochs=2, random_state=0), {"solver": ["curveball", "sgd:lr=1e-4"]}, cv=2)
    assert search.fit(x, y).best_params_ == {"solver": "curveball"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"solver": "newtonn"}, "unknown solver 'newtonn'"),
        ({"hidden": 5}, "as (64,); got 5"),
        ({"hidden": (0,)}, "each at least 1, as (64,); got (0,)"),
        ({"solver": SGD(lr=1e10)}, "training ended early"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size must be from 1"),
        ({"initialisation": "zero"}, "unknown initialisation 'zero'"),
    ],
)
@pytest.mark.parametrize("estimator", [CurveBallClassifier, CurveBallRegressor])
def test_bad_options(estimator, options, said):
    with pytest.raises(ValueError, match=r".") as error:
        estimator(**options).fit(*IRIS)
    assert said in str(error.value)


def test_one_class():
    with pytest.raises(ValueError, match="one class: 7"):
        CurveBallClassifier().fit(IRIS[0], np.full(150, 7))


def test_curveball_alone_does_not_import_scikit_learn(tmp_path):
    code = "import sys, curveball; curveball.SGD, curveball.load_predictor; print('sklearn' in sys.modules)"
    assert run(tmp_path, code).split() == ["False"]
    assert {"CurveBallClassifier", "CurveBallRegressor"} <= set(curveball.__all__)
