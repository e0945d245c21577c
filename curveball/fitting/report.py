"""A result as a text to read."""

from __future__ import annotations

import numpy as np

from curveball.fitting.estimate import Estimate

MOST = 30  # parameters that are listed
CORRELATED = 0.9  # from here on a correlation is named


def report(result: Estimate) -> str:
    """Values with their errors and intervals, the quality of the fit, and what needs attention."""
    n, m = len(result.names), result.residuals.size
    head = "converged" if result.success else "NOT converged"
    lines = [f"{_count(n, 'parameter')}, {_count(m, 'residual')}: {head} ({result.message})", ""]
    lines += _table(result)
    dof, chi = result.degrees_of_freedom, result.chi_square
    lines += ["", f"sum of squares      {chi:.6g}, {_count(max(dof, 0), 'degree')} of freedom"]
    if dof > 0:
        lines.append(f"reduced chi-square  {result.reduced_chi_square:.6g}; {_meaning(result)}")
    lines.append(f"condition of J      {result.condition:.3g}")
    evaluations = f"{result.nfev} of the residuals, {result.njev} of their Jacobian"
    lines.append(f"evaluations         {evaluations}" + (f", {result.nhev} of r''" if result.nhev else ""))
    pairs = _correlated(result)
    if pairs:
        lines.append(f"correlation         {'; '.join(pairs)}")
    if result.advice:
        lines.append(f"warning             {result.advice}")
    return "\n".join(lines)


def _table(result: Estimate) -> list[str]:
    half = result.quantile(0.95) * result.errors
    rows = [("", "value", "standard error", "95% interval")]
    for name, value, error, h, mask in zip(
        result.names[:MOST], result.values, result.errors, half, result.active_mask, strict=False
    ):
        if mask:
            rows.append((name, f"{value:.6g}", "", f"at its {'lower' if mask < 0 else 'upper'} bound"))
        elif np.isfinite(error):
            digits = _digits(error)
            rows.append(
                (
                    name,
                    _fixed(value, digits),
                    _fixed(error, digits),
                    f"{_fixed(value - h, digits)} to {_fixed(value + h, digits)}",
                )
            )
        else:
            rows.append((name, f"{value:.6g}", "not determined", ""))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]
    more = len(result.names) - MOST
    return lines + ([f"... and {more} more"] if more > 0 else [])


def _digits(error: float) -> int:
    """Decimals that show two digits of an error, or -1 for the scientific notation."""
    if error <= 0.0 or not 1e-6 < error < 1e6:
        return -1
    return max(0, 1 - int(np.floor(np.log10(error))))


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if digits >= 0 else f"{value:.6g}"


def _meaning(result: Estimate) -> str:
    if result.absolute_sigma:
        return "errors from the standard deviations given"
    return "errors scaled by it"


def _correlated(result: Estimate) -> list[str]:
    """The largest correlations, at most three."""
    upper = np.triu(np.nan_to_num(result.correlation), 1)
    found = sorted(zip(*np.nonzero(np.abs(upper) > CORRELATED), strict=True), key=lambda ij: -abs(upper[ij]))
    return [f"{result.names[i]}, {result.names[j]} {upper[i, j]:+.3f}" for i, j in found[:3]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
