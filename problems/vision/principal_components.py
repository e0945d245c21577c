r"""Principal components: the best linear autoencoder, with which a deep one is compared.

With the mean `m` of N images and the eigenvectors `V` of the k largest eigenvalues of their covariance,

    C     = 1/N sum_n (x_n - m) (x_n - m)^T
    error = 1/M sum_n |x_n - m - V V^T (x_n - m)|^2       over M images, which may be others

is the squared error of an image that is given back from the code `V^T (x - m)` of k numbers. On the images that it is
fitted to it is the sum of the other eigenvalues, and no other linear code of k numbers has a lower one (C. Eckart and
G. Young, "The approximation of one matrix by another of lower rank", Psychometrika 1, 1936).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def pca_error(parts: Iterable[np.ndarray], images: np.ndarray, code: int) -> float:
    """The squared error of principal components, summed over the pixels, mean over the images.

    `parts` are the images that they are fitted to, `(n, pixels)` each; together they can be too many for the memory.
    `images` are those that the error is of, `(M, pixels)`, and `code` is the number of components. ValueError for a
    code that is empty or longer than an image.

    >>> line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> round(pca_error([line], np.array([[3.0, 3.0], [1.0, 3.0]]), code=1), 12)  # 0 on the line, and 2
    1.0
    """
    pixels = images.shape[1]
    if not 1 <= code <= pixels:
        raise ValueError(f"a code has 1 to {pixels} components, as many as an image has pixels; got {code}")
    count, total, squares = 0, np.zeros(pixels), np.zeros((pixels, pixels))
    shift = images.mean(axis=0, dtype=float)  # near the mean, so that little is lost in the difference below
    for part in parts:
        x = part.astype(float) - shift
        count, total, squares = count + len(x), total + x.sum(axis=0), squares + x.T @ x
    mean = total / count
    _, vectors = np.linalg.eigh(squares / count - np.outer(mean, mean))
    x = images - shift - mean
    kept = vectors[:, -code:]
    return float(np.mean(np.sum((x - x @ kept @ kept.T) ** 2, axis=1)))
