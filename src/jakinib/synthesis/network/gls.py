"""Generalised least squares on a network: one weight an arm, study means swept out.

With weights w = 1 / (v + tau2 / 2) an arm, study s contributes the Laplacian diag(w) - w w' / sum(w), which
is the inverse covariance of its contrasts written without choosing a baseline (Rücker 2012; Rücker &
Schwarzer 2014 for the reduction of multi-arm studies). Heterogeneity tau2 of a contrast, correlated by one
half within a study (Higgins & Whitehead 1996), is tau2 / 2 an arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jakinib.synthesis.arms import Floats


@dataclass(frozen=True)
class Gls:
    """``theta`` (T,), the first at 0, ``covariance`` (T, T) of the differences (relative to the
    best-connected treatment), ``residual`` (S, T) from the effects and the study's own mean, ``q`` its
    weighted sum of squares, ``weight`` (S, T), ``laplacian`` (T, T), ``log_det`` of the Laplacian without a
    row and column.
    """

    theta: Floats
    covariance: Floats
    residual: Floats
    q: float
    weight: Floats
    laplacian: Floats
    log_det: float


def laplacian(weight: Floats) -> Floats:
    """Sum over studies of diag(w) - w w' / sum(w); ``weight`` (S, T), zero where there is no arm."""
    return _laplacian(weight, _safe(weight))


def _safe(weight: Floats) -> Floats:
    total = np.add.reduce(weight, axis=1)
    return np.where(total > 0, total, 1.0)


def _laplacian(weight: Floats, total: Floats) -> Floats:
    scaled = weight / np.sqrt(total)[:, None]
    matrix = -(scaled.T @ scaled)
    np.fill_diagonal(matrix, 0.0)
    # the diagonal as minus the sum of the rest: arms of very unequal weight lose no digits
    np.fill_diagonal(matrix, -np.add.reduce(matrix, axis=1))
    return matrix


def _swept(values: Floats, weight: Floats, total: Floats) -> Floats:
    """Values less the weighted mean of their study."""
    mean: Floats = np.einsum("st,st->s", weight, values) / total
    return values - mean[:, None]


def solve(y: Floats, weight: Floats) -> Gls:
    """Fit treatment effects to arm estimates ``y`` with weights ``weight``, both (S, T), connected."""
    total = _safe(weight)
    matrix = _laplacian(weight, total)
    T = len(matrix)
    covariance = np.zeros((T, T))
    log_det = 0.0
    if T > 1:
        # relative to the best-connected treatment, scaled to a unit diagonal
        diagonal = matrix.diagonal()
        rest = np.arange(T) != diagonal.argmax()
        scale = 1 / np.sqrt(diagonal[rest])
        scaled = matrix[rest][:, rest] * scale[:, None] * scale
        try:
            lower = np.linalg.cholesky(scaled)
            half = np.linalg.inv(lower) * scale
            inverse = half.T @ half
            log_det = 2 * float(np.log(lower.diagonal() / scale).sum())
        except np.linalg.LinAlgError:  # weights that differ by more than double precision holds
            values, vectors = np.linalg.eigh(scaled)
            values = np.maximum(values, 1e-15)
            inverse = (vectors / values) @ vectors.T * scale[:, None] * scale
            log_det = float(np.log(values).sum() - 2 * np.log(scale).sum())
        covariance[np.outer(rest, rest)] = inverse.ravel()
    theta, residual = _fitted(y, weight, total, covariance)
    q = float(np.einsum("st,st,st->", weight, residual, residual))
    return Gls(theta - theta[:1], covariance, residual, q, weight, matrix, log_det)


def residual(values: Floats, weight: Floats, covariance: Floats) -> Floats:
    """What a fit of other values (S, T) leaves of them, by the weights and covariance of a fit."""
    return _fitted(values, weight, _safe(weight), covariance)[1]


def _fitted(values: Floats, weight: Floats, total: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    centred = _swept(values, weight, total)
    theta = covariance @ np.einsum("st,st->t", weight, centred)
    return theta, _swept(centred - theta, weight, total)


def weights(v: Floats, tau2: float = 0.0) -> Floats:
    """1 / (v + tau2 / 2), zero where v is infinite."""
    return 1 / (v + tau2 / 2)
