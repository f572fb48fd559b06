"""Closed-form kinetics held to differential equations solved to high precision and to exact identities."""

from __future__ import annotations

import itertools
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from jakinib.mechanism.compartments import (
    Bolus,
    Disposition,
    FirstOrder,
    Input,
    ZeroOrder,
    repeated,
    single_dose,
    steady_state,
    steady_state_grid,
)
from jakinib.mechanism.errors import MechanismError

CL, VC, Q, VP = 40.9, 156.0, 3.22, 68.0
DOSE = 15.0

ONE = Disposition(CL, VC)
TWO = Disposition(CL, VC, Q, VP)
INPUTS: dict[str, list[Input]] = {
    "bolus": [Bolus()],
    "first order": [FirstOrder(2.77)],
    "first order, lag": [FirstOrder(2.77, lag=0.2)],
    "zero order": [ZeroOrder(3.29)],
    "zero order, lag": [ZeroOrder(3.29, lag=0.154)],
    "mixed": [FirstOrder(0.0523, 0.154, 0.255), ZeroOrder(3.29, 0.154, 0.745)],
}


def by_ode(two: bool, inputs: list[Input], doses_at: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The same model as differential equations (DOP853, relative tolerance 1e-13), restarted at every
    switch."""
    k10, k12, k21 = CL / VC, Q / VC if two else 0.0, Q / VP
    state = np.zeros(2 + len(inputs))  # central, peripheral, one depot an input
    switches = {0.0, float(times[-1])}
    for at in doses_at:
        for each in inputs:
            switches.add(at + each.lag)
            if isinstance(each, ZeroOrder):
                switches.add(at + each.lag + each.duration)
    edges = sorted(t for t in switches if 0 <= t <= times[-1])
    out = np.zeros(len(times))
    for left, right in itertools.pairwise(edges):
        for at in doses_at:
            for i, each in enumerate(inputs):
                if abs(at + each.lag - left) < 1e-12:
                    if isinstance(each, FirstOrder):
                        state[2 + i] += DOSE * each.fraction
                    elif isinstance(each, Bolus):
                        state[0] += DOSE * each.fraction
        middle = 0.5 * (left + right)
        rate = sum(
            DOSE * each.fraction / each.duration
            for at in doses_at
            for each in inputs
            if isinstance(each, ZeroOrder) and at + each.lag < middle < at + each.lag + each.duration
        )

        def slope(_t: float, y: np.ndarray, rate: float = rate) -> np.ndarray:
            flow = [
                each.ka * y[2 + i] if isinstance(each, FirstOrder) else 0.0 for i, each in enumerate(inputs)
            ]
            return np.array(
                [
                    rate + sum(flow) - (k10 + k12) * y[0] + (k21 * y[1] if two else 0.0),
                    k12 * y[0] - (k21 * y[1] if two else 0.0),
                    *(-f for f in flow),
                ]
            )

        inside = (times > left) & (times <= right)
        grid = np.unique(np.concatenate([times[inside], [right]]))
        run = solve_ivp(slope, (left, right), state, "DOP853", grid, rtol=1e-13, atol=1e-16)
        out[inside] = run.y[0][np.searchsorted(grid, times[inside])]
        state = run.y[:, -1]
    return out / VC * 1000.0


@pytest.mark.parametrize("two", [False, True], ids=["one compartment", "two compartments"])
@pytest.mark.parametrize("name", INPUTS)
def test_single_dose_equals_the_differential_equation(name: str, two: bool) -> None:
    times = np.array([0.05, 0.2001, 0.5, 1.0, 3.0, 3.4, 6.0, 12.0, 24.0, 48.0])
    ours = single_dose(TWO if two else ONE, INPUTS[name], DOSE, times)[0]
    np.testing.assert_allclose(ours, by_ode(two, INPUTS[name], np.array([0.0]), times), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("two", [False, True], ids=["one compartment", "two compartments"])
@pytest.mark.parametrize("name", INPUTS)
def test_steady_state_equals_many_doses_of_the_differential_equation(name: str, two: bool) -> None:
    count, tau = 20, 12.0
    start = (count - 1) * tau
    times = start + np.array([0.1, 0.3, 1.0, 3.3, 6.0, 11.9])
    ode = by_ode(two, INPUTS[name], np.arange(count) * tau, times)
    finite = repeated(TWO if two else ONE, INPUTS[name], DOSE, np.arange(count) * tau, times)[0]
    np.testing.assert_allclose(finite, ode, rtol=1e-8)
    many = repeated(TWO if two else ONE, INPUTS[name], DOSE, np.arange(800) * tau, 799 * tau + times - start)[
        0
    ]
    periodic = steady_state(TWO if two else ONE, INPUTS[name], DOSE, tau, times - start)[0]
    np.testing.assert_allclose(periodic, many, rtol=1e-10)


def test_absorption_as_fast_as_elimination_keeps_its_digits() -> None:
    """ka equal or nearly equal to a disposition rate: the quotient of differences, against 50 digits."""
    k = CL / VC
    with localcontext() as context:
        context.prec = 50
        for ka in (k, k * (1 + 1e-12), k * (1 + 1e-7), k * (1 - 1e-5), k * (1 + 3e-4)):
            for t in (0.1, 1.0, 8.0, 30.0):
                a, b, at = Decimal(ka), Decimal(k), Decimal(t)
                middle = (-b * at).exp() * at if a == b else ((-b * at).exp() - (-a * at).exp()) / (a - b)
                exact = float(Decimal(DOSE * 1000) / Decimal(VC) * a * middle)
                assert single_dose(ONE, [FirstOrder(ka)], DOSE, [t])[0, 0] == pytest.approx(exact, rel=1e-8)


positive = st.floats(0.05, 50)


@settings(deadline=None, max_examples=60)
@given(
    cl=positive,
    vc=positive,
    q=positive,
    vp=positive,
    ka=positive,
    duration=positive,
    tau=st.sampled_from([6, 12, 24]),
)
def test_area_over_an_interval_is_dose_over_clearance(
    cl: float, vc: float, q: float, vp: float, ka: float, duration: float, tau: int
) -> None:
    """At steady state the area over one interval is the amount absorbed over CL, whatever the absorption."""
    body = Disposition(cl, vc, q, vp)
    edges = np.unique(np.concatenate([np.linspace(0, tau, 2001), tau * np.geomspace(1e-6, 1, 2000)]))
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    for each in (FirstOrder(ka, 0.0), ZeroOrder(duration)):
        values = steady_state(body, [each], 10.0, tau, middle)[0]
        area = float(values @ width)
        assert area == pytest.approx(10_000.0 / cl, rel=2e-3)
        assert np.all(values > 0)


@settings(deadline=None, max_examples=30)
@given(scale=st.floats(0.01, 100), t=st.floats(0.01, 24))
def test_concentration_is_proportional_to_dose(scale: float, t: float) -> None:
    one = steady_state(TWO, INPUTS["mixed"], DOSE, 24.0, [t])[0, 0]
    assert steady_state(TWO, INPUTS["mixed"], DOSE * scale, 24.0, [t])[0, 0] == pytest.approx(
        one * scale, rel=1e-12
    )


def test_infusion_longer_than_the_interval_is_superposed() -> None:
    periodic = steady_state(TWO, [ZeroOrder(30.0)], DOSE, 12.0, [0.5, 5.0, 9.0])[0]
    many = repeated(
        TWO, [ZeroOrder(30.0)], DOSE, np.arange(900) * 12.0, 899 * 12.0 + np.array([0.5, 5.0, 9.0])
    )[0]
    np.testing.assert_allclose(periodic, many, rtol=1e-9)


@pytest.mark.parametrize("points", [2, 5, 145, 289])
@pytest.mark.parametrize("two", [False, True], ids=["one compartment", "two compartments"])
@pytest.mark.parametrize("name", INPUTS)
def test_the_fast_grid_gives_the_same_numbers(name: str, two: bool, points: int) -> None:
    """Random persons, some with an infusion that reaches into the next interval."""
    rng = np.random.default_rng(4)
    n = 40

    def about(value: float) -> np.ndarray:
        return value * np.exp(0.8 * rng.standard_normal(n))

    body = Disposition(about(CL), about(VC), *((about(Q), about(VP)) if two else ()))
    inputs: list[Input] = []
    for each in INPUTS[name]:
        if isinstance(each, FirstOrder):
            inputs.append(FirstOrder(about(each.ka), each.lag * rng.random(n), each.fraction))
        elif isinstance(each, ZeroOrder):
            inputs.append(ZeroOrder(about(each.duration), each.lag, each.fraction))
        else:
            inputs.append(each)
    for tau in (6.0, 24.0):
        exact = steady_state(body, inputs, DOSE, tau, np.linspace(0, tau, points))
        ours = steady_state_grid(body, inputs, DOSE, tau, points)
        end = -1 if name == "bolus" else None  # at the end of the interval one takes the next bolus, one not
        np.testing.assert_allclose(ours[:, :end], exact[:, :end], rtol=1e-9, atol=1e-10 * exact.max())


def test_persons_are_independent_of_their_neighbours() -> None:
    many = Disposition(
        np.array([20.0, 40.9, 60.0]), np.array([100.0, 156.0, 90.0]), np.full(3, Q), np.full(3, VP)
    )
    times = np.linspace(0, 24, 25)
    together = steady_state(many, [FirstOrder(np.array([1.0, 2.77, 0.3]))], DOSE, 24.0, times)
    alone = steady_state(TWO, [FirstOrder(2.77)], DOSE, 24.0, times)
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: single_dose(Disposition(-1.0, 10.0), [Bolus()], 1.0, [1.0]), "CL must be positive"),
        (lambda: single_dose(Disposition(1.0, 10.0, Q=1.0), [Bolus()], 1.0, [1.0]), "both Q and Vp"),
        (lambda: single_dose(ONE, [], 1.0, [1.0]), "at least one input"),
        (lambda: single_dose(ONE, [Bolus()], -1.0, [1.0]), "dose must be positive"),
        (lambda: steady_state(ONE, [Bolus()], 1.0, 0.0, [1.0]), "interval must be positive"),
    ],
)
def test_impossible_kinetics_are_refused(call: object, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        call()  # type: ignore[operator]
