"""Principal components: the error against NumPy's singular values, scikit-learn, and closed forms."""

import numpy as np
import pytest

from problems import load
from problems.vision.autoencoder import autoencoder
from problems.vision.principal_components import pca_error

RNG = np.random.default_rng(0)
TRAIN = 100.0 + RNG.standard_normal((60, 7)) @ RNG.standard_normal((7, 7))
OTHER = 100.0 + RNG.standard_normal((20, 7))


def by_singular_values(train, images, code):
    mean = train.mean(axis=0)
    _, _, rows = np.linalg.svd(train - mean, full_matrices=False)
    rest = (images - mean) @ rows[code:].T
    return float((rest**2).sum() / len(images))


@pytest.mark.parametrize("code", [1, 3, 6])
@pytest.mark.parametrize("parts", [1, 4])
def test_against_singular_values(code, parts):
    expected = by_singular_values(TRAIN, OTHER, code)
    assert pca_error(np.array_split(TRAIN, parts), OTHER, code) == pytest.approx(expected, rel=1e-10)


def test_on_what_it_is_fitted_to_it_is_the_sum_of_the_other_eigenvalues():
    values = np.linalg.eigvalsh(np.cov(TRAIN.T, bias=True))
    assert pca_error([TRAIN], TRAIN, 4) == pytest.approx(values[:3].sum(), rel=1e-10)
    assert pca_error([TRAIN], OTHER, 7) == pytest.approx(0.0, abs=1e-12)


def test_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    pca = decomposition.PCA(3, svd_solver="full").fit(TRAIN)
    expected = ((pca.inverse_transform(pca.transform(OTHER)) - OTHER) ** 2).sum(axis=1).mean()
    assert pca_error([TRAIN], OTHER, 3) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("code", [0, 8])
def test_a_wrong_code_is_refused(code):
    with pytest.raises(ValueError, match=f"1 to 7 components.*got {code}"):
        pca_error([TRAIN], OTHER, code)


@pytest.mark.parametrize(("name", "code"), [("digits-small", 6), ("digits", 30)])
def test_of_an_autoencoder_it_has_the_same_code_and_images(name, code):
    data = load("digits")
    train, validation = (
        np.asarray(x, float).reshape(-1, 64) / 16.0 for x in (data.train_images, data.validation_images)
    )
    assert autoencoder(name).pca_error == pytest.approx(by_singular_values(train, validation, code), rel=1e-5)
