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
    best-connected treatment), ``q`` the residual sum of squares, ``weight`` (S, T), ``laplacian`` (T, T),
    ``log_det`` of the Laplacian without a row and column.
    """

    theta: Floats
    covariance: Floats
    q: float
    weight: Floats
    laplacian: Floats
    log_det: float


def laplacian(weight: Floats) -> Floats:
    """Sum over studies of diag(w) - w w' / sum(w); ``weight`` (S, T), zero where there is no arm."""
    total = weight.sum(axis=1)
    scaled = weight / np.sqrt(np.where(total > 0, total, 1.0))[:, None]
    matrix = -(scaled.T @ scaled)
    np.fill_diagonal(matrix, 0.0)
    # the diagonal as minus the sum of the rest: arms of very unequal weight lose no digits
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def solve(y: Floats, weight: Floats) -> Gls:
    """Fit treatment effects to arm estimates ``y`` with weights ``weight``, both (S, T), connected."""
    total = weight.sum(axis=1)
    centred = y - ((weight * y).sum(axis=1) / np.where(total > 0, total, 1.0))[:, None]
    matrix = laplacian(weight)
    right = (weight * centred).sum(axis=0)
    T = len(right)
    theta, covariance = np.zeros(T), np.zeros((T, T))
    log_det = 0.0
    if T > 1:
        # relative to the best-connected treatment, scaled to a unit diagonal
        rest = np.delete(np.arange(T), int(np.argmax(matrix.diagonal())))
        scale = 1 / np.sqrt(matrix.diagonal()[rest])
        scaled = matrix[np.ix_(rest, rest)] * scale[:, None] * scale
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
        covariance[np.ix_(rest, rest)] = inverse
        theta[rest] = inverse @ right[rest]
        theta -= theta[0]
    residual = centred - theta
    residual = residual - ((weight * residual).sum(axis=1) / np.where(total > 0, total, 1.0))[:, None]
    q = float((weight * residual**2).sum())
    return Gls(theta, covariance, q, weight, matrix, log_det)


def weights(v: Floats, tau2: float = 0.0) -> Floats:
    """1 / (v + tau2 / 2), zero where v is infinite."""
    return 1 / (v + tau2 / 2)
