"""Spectra against dense matrices: Hessians and Gauss-Newton matrices of a network, and matrices with chosen spectra."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.sparse import diags_array

import curveball
import minigrad as mg
from curveball.spectra import diagonal, extreme_eigenpairs, log_determinant, trace
from curveball.spectra.flat_operator import FlatOperator
from curveball.spectra.lanczos import lanczos, quadrature
from curveball.spectra.spectral_density import spectral_density
from minigrad import nn

RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((60, 6)), RNG.integers(0, 4, 60)
PARAMS = {"w1": RNG.standard_normal((6, 12)), "b1": np.zeros(12), "w2": RNG.standard_normal((12, 4)), "b2": np.zeros(4)}


def model(w):
    return nn.dense(mg.tanh(nn.dense(X, w["w1"], w["b1"])), w["w2"], w["b2"])


def loss(y):
    return nn.cross_entropy(y, LABELS)


OPERATORS = {
    "hessian": mg.HessianOperator(lambda w: loss(model(w)), PARAMS),
    "ggn": mg.GGNOperator(model, loss, PARAMS),
}
OPERATORS["difference"] = OPERATORS["hessian"] - OPERATORS["ggn"]
DENSE = {name: operator.to_dense() for name, operator in OPERATORS.items()}
EACH = pytest.mark.parametrize("name", OPERATORS)
N = 136


def with_spectrum(values, seed=0):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    return (Q * values) @ Q.T


# ------------------------------------------------------------------------------------- Lanczos' method


def test_lanczos_stays_orthogonal_where_eigenvalues_have_converged():
    """All eigenvalues once: without reorthogonalisation the outliers would come back as copies."""
    values = np.r_[np.linspace(0.0, 1.0, 57), 100.0, 200.0, 1000.0]
    alpha, beta = lanczos(with_spectrum(values), np.ones(60), 60)
    np.testing.assert_allclose(quadrature(alpha, beta).nodes, values, atol=1e-10)


def test_the_quadrature_is_exact_to_its_degree_and_for_any_function_in_the_end():
    A, v = with_spectrum(np.linspace(-1.0, 2.0, 30)), RNG.standard_normal(30)
    v /= np.linalg.norm(v)
    nodes, weights = quadrature(*lanczos(A, v, 5))
    for degree in range(10):
        np.testing.assert_allclose(weights @ nodes**degree, v @ np.linalg.matrix_power(A, degree) @ v, rtol=1e-12)
    assert abs(weights @ nodes**10 - v @ np.linalg.matrix_power(A, 10) @ v) > 1e-9
    nodes, weights = quadrature(*lanczos(A, v, 30))
    np.testing.assert_allclose(weights @ np.exp(nodes), v @ expm(A) @ v, rtol=1e-12)


def test_lanczos_stops_where_the_vectors_span_what_there_is():
    alpha, beta = lanczos(np.diag([1.0, 1.0, 2.0, 2.0, 2.0]), np.ones(5), 5)
    assert (len(alpha), len(beta)) == (2, 1)
    np.testing.assert_allclose(quadrature(alpha, beta).nodes, [1.0, 2.0])


def test_lanczos_away_from_vectors():
    values = np.r_[np.linspace(1.0, 2.0, 18), 50.0, 70.0]
    A = with_spectrum(values)
    Q = np.linalg.eigh(A)[1][:, -2:]
    np.testing.assert_allclose(quadrature(*lanczos(A, np.ones(20), 18, Q)).nodes, values[:18], atol=1e-10)


# ------------------------------------------------------------------------------------- eigenpairs


@EACH
@pytest.mark.parametrize("end", ["magnitude", "largest", "smallest", "both"])
def test_eigenpairs(name, end):
    if name == "ggn" and end in ("smallest", "both"):
        pytest.skip("its smallest eigenvalues are zero, many times: none converges")
    values, vectors = np.linalg.eigh(DENSE[name])
    chosen = {
        "magnitude": np.sort(np.argsort(-np.abs(values))[:6]), "largest": np.arange(N - 6, N),
        "smallest": np.arange(6), "both": np.r_[0:3, N - 3 : N],
    }[end]  # fmt: skip
    found = extreme_eigenpairs(OPERATORS[name], 6, end, tol=1e-9)
    np.testing.assert_allclose(found.values[: len(chosen)], values[chosen][::-1], rtol=1e-8)
    ravel = mg.Ravel(PARAMS)
    for h, v, i, error in zip(found.values, found.vectors, chosen[::-1], found.errors, strict=False):
        flat = ravel.vector(v)
        np.testing.assert_allclose(abs(flat @ vectors[:, i]), 1.0, rtol=1e-6)
        assert abs(h - values[i]) <= error + 1e-12
        assert error <= 1e-7 * abs(h)


def test_the_errors_bound_the_distance():
    A = with_spectrum(np.linspace(0.0, 1.0, 300) ** 3)
    found = extreme_eigenpairs(A, 5, tol=0.05)
    distances = np.abs(found.values[:, None] - np.linspace(0.0, 1.0, 300) ** 3).min(axis=1)
    assert np.all(distances <= found.errors)
    assert np.all(found.errors <= 0.05)


def test_what_does_not_converge_is_said(monkeypatch):
    monkeypatch.setattr("curveball.spectra.eigenpairs.RESTARTS", 1)
    with pytest.warns(UserWarning, match=r"only \d of 4 eigenvalues converged to 1e-12"):
        found = extreme_eigenpairs(np.diag(np.linspace(0.0, 1.0, 500)), 4, tol=1e-12)
    assert len(found.values) == len(found.vectors) < 4


# ------------------------------------------------------------------------------------- sums over all eigenvalues


@EACH
def test_each_probe_sees_what_its_vector_sees(name):
    """With all steps, n u.f(A) u of the dense matrix for the same vector u, whatever f."""
    A = FlatOperator(OPERATORS[name])
    density = spectral_density(A, 3, N, np.random.default_rng(5))
    values, vectors = np.linalg.eigh(DENSE[name])
    again = np.random.default_rng(5)
    for found in density.sums(lambda h: np.tanh(3.0 * h)):
        u = again.standard_normal(N)
        u /= np.linalg.norm(u)
        np.testing.assert_allclose(found, N * np.sum((vectors.T @ u) ** 2 * np.tanh(3.0 * values)), atol=1e-9)


@pytest.mark.parametrize("known", [0, 2])
def test_the_sums_are_unbiased_and_their_errors_true(known):
    """Over 200 seeds the mean is right, and the deviations are as large as the errors say."""
    values = np.r_[np.linspace(0.1, 1.0, 10), 5.0, 6.0]
    A = FlatOperator(with_spectrum(values))
    vectors = np.linalg.eigh(with_spectrum(values))[1][:, 12 - known :]
    found = [
        spectral_density(A, 6, 12, np.random.default_rng(k), values[12 - known :], vectors).sum_of(np.sqrt)
        for k in range(200)
    ]
    value, error = np.array(found).T
    want = np.sum(np.sqrt(values))
    assert abs(np.mean(value) - want) < 4.0 * np.std(value) / 200**0.5
    assert 0.6 < np.mean((value - want) ** 2) / np.mean(error**2) < 1.5  # 1, with a standard deviation of 0.12
    if known:
        assert np.mean(error) < 0.5  # without them 0.9


def test_log_determinant():
    A = with_spectrum(np.geomspace(1e-3, 10.0, 200))
    want = np.linalg.slogdet(A + 0.1 * np.eye(200))[1]
    found = log_determinant(A, damping=0.1, probes=20, steps=60)
    assert abs(found.value - want) < 3.0 * found.error
    assert found.error < 0.05 * abs(want)


def test_few_steps_are_seen_in_the_error():
    """With 4 steps for a condition of 1e8 the quadrature is wrong for every probe, not by chance."""
    A = np.diag(np.geomspace(1e-8, 1.0, 300))
    found = log_determinant(A, probes=30, steps=4)
    error = abs(found.value - np.sum(np.log(np.diag(A))))
    assert error > 1000.0
    assert found.error > 0.2 * error


@pytest.mark.parametrize("operator", [OPERATORS["hessian"], np.diag([1.0, 0.0, 2.0, 3.0, 4.0])])
def test_logarithms_of_what_is_not_positive(operator):
    with pytest.raises(ValueError, match="damping is 0: damping must be larger than"):
        log_determinant(operator, steps=5)


# ------------------------------------------------------------------------------------- trace and diagonal


@EACH
def test_trace(name):
    want = np.trace(DENSE[name])
    assert trace(OPERATORS[name], N) == pytest.approx((want, 0.0))
    found = np.array([trace(DENSE[name], 30, rng=k) for k in range(60)])
    assert abs(np.mean(found[:, 0]) - want) < 4.0 * np.std(found[:, 0]) / 60**0.5
    assert 0.6 < np.mean((found[:, 0] - want) ** 2) / np.mean(found[:, 1] ** 2) < 1.6


def test_the_trace_of_few_directions_is_exact():
    A = with_spectrum(np.r_[np.zeros(95), 1.0, 2.0, 3.0, 4.0, 5.0])
    value, error = trace(A, 30)
    np.testing.assert_allclose(value, 15.0, rtol=1e-10)
    assert error < 1e-10


@EACH
def test_diagonal(name):
    want = np.diag(DENSE[name])
    ravel = mg.Ravel(PARAMS)
    exact = diagonal(OPERATORS[name], N)
    np.testing.assert_allclose(ravel.vector(exact.values), want, atol=1e-12)
    found = diagonal(OPERATORS[name], 130)
    off = ravel.vector(found.values) - want
    errors = ravel.vector(found.errors)
    assert found.values["w1"].shape == (6, 12)
    assert 0.6 < np.mean(off**2) / np.mean(errors**2) < 1.6
    row = DENSE[name] - np.diag(want)
    np.testing.assert_allclose(np.mean(errors**2), np.mean(np.sum(row**2, axis=1)) / 130.0, rtol=0.2)


# ------------------------------------------------------------------------------------- the whole spectrum


@EACH
def test_spectrum_against_the_dense_one(name):
    values = np.linalg.eigvalsh(DENSE[name])
    found = curveball.spectrum(OPERATORS[name], count=6, probes=6, steps=20, exact=False, tol=1e-6)
    assert not found.exact
    assert found.products < N + 60
    np.testing.assert_allclose(found.eigenpairs.values, np.sort(values[np.argsort(-np.abs(values))[:6]])[::-1])
    x, width = np.linspace(values[0], values[-1], 50), 0.1 * (values[-1] - values[0])
    density, errors = found.density_at(x, width)
    exact = np.mean(np.exp(-0.5 * ((x[:, None] - values) / width) ** 2), axis=1) / (np.sqrt(2.0 * np.pi) * width)
    assert np.all(np.abs(density - exact) < 4.0 * errors + 0.01 * exact.max())
    assert abs(found.trace.value - values.sum()) < 3.0 * found.trace.error + 1e-9
    lam = 0.1 - values[0]
    logarithm = found.log_determinant(lam)
    assert abs(logarithm.value - np.sum(np.log(values + lam))) < 3.0 * logarithm.error
    count = found.count(low=0.05)
    assert abs(count.value - np.sum(values >= 0.05)) < 3.0 * count.error + 1.0
    assert found.count() == pytest.approx((N, 0.0), abs=1e-9)


def test_waves_between_the_nodes_are_in_the_error_of_the_density():
    """Forty nodes cannot show 2,000 eigenvalues that fill an interval: the density has waves, and the error says so."""
    h = np.linspace(1.0, 10.0, 2000)
    found = curveball.spectrum(diags_array(h))
    x, width = np.linspace(1.0, 10.0, 300), found.length / 100.0
    true = np.mean(np.exp(-0.5 * ((x[:, None] - h) / width) ** 2), axis=1) / (np.sqrt(2.0 * np.pi) * width)
    density, error = found.density_at(x)
    assert np.mean(np.abs(density - true) <= 2.0 * error) > 0.9


def test_a_small_operator_is_exact():
    found = curveball.spectrum(OPERATORS["ggn"], count=3)
    values = np.linalg.eigvalsh(DENSE["ggn"])
    assert found.exact
    assert found.products == N
    np.testing.assert_allclose(found.eigenpairs.values, values[:-4:-1])
    assert found.trace == pytest.approx((values.sum(), 0.0))
    assert found.log_determinant(0.3) == pytest.approx((np.sum(np.log(values + 0.3)), 0.0))
    assert found.count(0.01, 0.1).value == np.sum((values >= 0.01) & (values < 0.1))
    v = found.eigenpairs.vectors[0]
    np.testing.assert_allclose(OPERATORS["ggn"](v)["w1"], values[-1] * v["w1"], atol=1e-10)
    density, errors = found.density_at(np.linspace(-2.0, 4.0, 4000), 0.05)
    assert np.sum(density) * 6.0 / 4000 == pytest.approx(1.0, rel=1e-3)
    assert not errors.any()


@pytest.mark.parametrize("end", ["magnitude", "largest", "smallest", "both"])
def test_the_ends_are_those_of_lanczos(end):
    exact = curveball.spectrum(OPERATORS["hessian"], 5, end, exact=True)
    other = curveball.spectrum(OPERATORS["hessian"], 5, end, exact=False, tol=1e-8)
    np.testing.assert_allclose(exact.eigenpairs.values, other.eigenpairs.values, rtol=1e-6)


def test_float32_and_other_kinds_of_operators():
    from scipy.sparse import diags
    from scipy.sparse.linalg import aslinearoperator

    params = mg.tree_map(np.float32, PARAMS)
    G = mg.GGNOperator(model, loss, params)
    found = curveball.spectrum(G, exact=False)
    np.testing.assert_allclose(found.eigenpairs.values, np.linalg.eigvalsh(DENSE["ggn"])[:-11:-1], rtol=1e-3)
    assert found.eigenpairs.vectors[0]["w1"].dtype == np.float32
    values = np.arange(1.0, 40.0)
    for operator in (np.diag(values), diags(values), aslinearoperator(np.diag(values)), mg.DiagonalOperator(values)):
        assert curveball.spectrum(operator).trace.value == pytest.approx(values.sum())


def test_the_same_seed_gives_the_same_spectrum():
    one, two, other = (curveball.spectrum(OPERATORS["ggn"], exact=False, probes=2, rng=k) for k in (1, 1, 2))
    assert one.trace == two.trace != other.trace
    np.testing.assert_array_equal(one.eigenpairs.values, two.eigenpairs.values)


def test_the_report_and_the_picture():
    from matplotlib.figure import Figure

    found = curveball.spectrum(OPERATORS["hessian"], count=12, exact=False, steps=20)
    lines = str(found).splitlines()
    assert lines[0].startswith("Hessian of <lambda>: 136 eigenvalues in [-")
    assert len(lines) == 3 + 10 + 1
    assert lines[-1] == "  and 2 more eigenpairs"
    ax = Figure().subplots()
    assert found.plot(ax, label="start") is ax
    curveball.spectrum(OPERATORS["ggn"]).plot(ax, label="Gauss-Newton")
    assert ax.get_legend_handles_labels()[1] == ["start", "Gauss-Newton"]
    assert ax.get_yscale() == "log"
    marks = [line for line in ax.lines if line.get_marker() == "|"]
    np.testing.assert_array_equal(marks[0].get_xdata(), found.eigenpairs.values)


def test_the_bar_is_for_terminals(capsys):
    curveball.spectrum(OPERATORS["ggn"], progress=True)
    assert capsys.readouterr().err == ""


_, J = mg.linearize(model, PARAMS)
NAN = mg.tree_map(lambda x: x * np.nan, PARAMS)
REFUSED = {
    "not square": (lambda: curveball.spectrum(J), ValueError, r"square operator; got one of shape \(240, 136\)"),
    "not symmetric": (lambda: trace(np.triu(np.ones((50, 50)))), ValueError, "not symmetric: .* Give .A . A.T. / 2"),
    "no operator": (lambda: curveball.spectrum(model), TypeError, "expected an operator.*got function"),
    "no params": (lambda: curveball.spectrum(mg.DiagonalOperator({})), ValueError, "its params are empty"),
    "nan": (lambda: diagonal(mg.GGNOperator(model, loss, NAN)), ValueError, "is not finite: look for NaN"),
    "too many": (lambda: extreme_eigenpairs(np.eye(3), 3), ValueError, "at most 2, as the operator has 3 rows; got 3"),
    "no pair": (lambda: extreme_eigenpairs(np.eye(3), 0), ValueError, "count must be at least 1; got 0"),
    "an end": (lambda: curveball.spectrum(np.eye(3), end="top"), ValueError, "end must be one of 'magnitude'.*'top'"),
    "tol": (lambda: extreme_eigenpairs(np.eye(3), 1, tol=-1.0), ValueError, "tol must be zero or a positive number"),
    "one probe": (lambda: log_determinant(np.eye(9), probes=1), ValueError, "probes must be at least 2; got 1"),
    "steps": (lambda: log_determinant(np.eye(9), steps=2.5), TypeError, "steps must be a whole number; got 2.5"),
    "products": (lambda: trace(np.eye(9), 5), ValueError, "products must be at least 6; got 5"),
    "rng": (lambda: trace(np.eye(9), 6, rng="a"), TypeError, "rng must be a seed or a numpy.random.Generator; got 'a'"),
    "width": (lambda: curveball.spectrum(np.eye(9)).density_at(np.ones(1), 0.0), ValueError, "width must be positive"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(act, kind, message):
    with pytest.raises(kind, match=message):
        act()
