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
    """``theta`` (T,) with the first treatment at 0, ``covariance`` (T, T) of it, ``q`` the residual sum of
    squares, ``weight`` (S, T), ``laplacian`` (T, T), ``log_det`` of the Laplacian without its first row.
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
    np.fill_diagonal(matrix, matrix.diagonal() + weight.sum(axis=0))
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
        # scaled to a unit diagonal: arms of very unequal size lose no digits
        scale = 1 / np.sqrt(matrix.diagonal()[1:])
        lower = np.linalg.cholesky(matrix[1:, 1:] * scale[:, None] * scale)
        half = np.linalg.inv(lower) * scale
        covariance[1:, 1:] = half.T @ half
        theta[1:] = covariance[1:, 1:] @ right[1:]
        log_det = 2 * float(np.log(lower.diagonal() / scale).sum())
    residual = centred - theta
    residual = residual - ((weight * residual).sum(axis=1) / np.where(total > 0, total, 1.0))[:, None]
    q = float((weight * residual**2).sum())
    return Gls(theta, covariance, q, weight, matrix, log_det)


def weights(v: Floats, tau2: float = 0.0) -> Floats:
    """1 / (v + tau2 / 2), zero where v is infinite."""
    return 1 / (v + tau2 / 2)
