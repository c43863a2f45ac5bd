"""Exact propagators against the matrix exponential, against a tight ODE solver, and their noise against its covariance."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, solve_continuous_lyapunov

from spaic import NeuronModel
from spaic.Dynamics.linear import linear_system
from spaic.Dynamics.system import derive, symbol
from spaic.errors import UnsupportedError

DT = 0.7
STATE = (0.8, -0.3, 0.5)
CASCADE = "dx/dt = (-x + y + I) / a\ndy/dt = -y / b"

#: equations, parameters, and the matrices A, B (inputs I, J) and c that they mean.
SYSTEMS = {
    "one": ("dx/dt = (-x + 2 * I + 3) / a", {"a": 4.0}, [[-0.25]], [[0.5, 0]], [0.75]),
    "decoupled": ("dx/dt = -x / a + I\ndy/dt = -y / b + J", {"a": 12.0, "b": 8.0}, np.diag([-1 / 12, -1 / 8]), np.eye(2), [0, 0]),
    "coupled": (CASCADE, {"a": 20.0, "b": 5.0}, [[-0.05, 0.05], [0, -0.2]], [[0.05, 0], [0, 0]], [0, 0]),
    "repeated": (CASCADE, {"a": 5.0, "b": 5.0}, [[-0.2, 0.2], [0, -0.2]], [[0.2, 0], [0, 0]], [0, 0]),
    "nearly repeated": (CASCADE, {"a": 5.0, "b": 5.0 + 1e-9}, [[-0.2, 0.2], [0, -1 / (5 + 1e-9)]], [[0.2, 0], [0, 0]], [0, 0]),
    "defective chain": (
        "dx/dt = -k * x + y\ndy/dt = -k * y + z + J\ndz/dt = -k * z + I + 1", {"k": 0.3},
        [[-0.3, 1, 0], [0, -0.3, 1], [0, 0, -0.3]], [[0, 0], [0, 1], [1, 0]], [0, 0, 1],
    ),
    "complex rates": (
        "dx/dt = -a * x - w0 * y + I\ndy/dt = w0 * x - a * y", {"a": 0.1, "w0": 2.0}, [[-0.1, -2], [2, -0.1]], [[1, 0], [0, 0]], [0, 0]
    ),
    "undamped": ("dx/dt = -w0 * y + I\ndy/dt = w0 * x", {"w0": 2.0}, [[0, -2], [2, 0]], [[1, 0], [0, 0]], [0, 0]),
    "perfect integrator": ("dx/dt = R * I + 0.5", {"R": 3.0}, [[0]], [[3, 0]], [0.5]),
    "double integrator": ("dx/dt = y\ndy/dt = I", {}, [[0, 1], [0, 0]], [[0, 0], [1, 0]], [0, 0]),
    "growing": ("dx/dt = x + y + I\ndy/dt = 2 * y", {}, [[1, 1], [0, 2]], [[1, 0], [0, 0]], [0, 0]),
    "no change": ("dx/dt = 0 * x", {}, [[0]], [[0, 0]], [0]),
}  # fmt: skip


def declared(name):
    equations, parameters, *matrices = SYSTEMS[name]
    return NeuronModel(equations, parameters, inputs=("I", "J"), method="exact"), [np.array(m, dtype=float) for m in matrices]


def stepped(cell, model, method, current_i, current_j):
    state = dict(zip(model.states, STATE, strict=False))
    result = cell(model, method, DT)(**state, **{p: {"I": current_i, "J": current_j}[p] for p in model.ports})
    return np.array([result[s] for s in model.states])


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("drive", [(0.0, 0.0), (0.6, -1.1)])
def test_the_propagator_is_the_matrix_exponential(cell, name, drive):
    model, (A, B, c) = declared(name)
    n = len(A)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n], augmented[:n, n] = A, B @ drive + c
    expected = (expm(augmented * DT) @ [*STATE[:n], 1.0])[:n]
    np.testing.assert_allclose(stepped(cell, model, "exact", *drive), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_propagator_solves_the_equations(cell, name):
    model, (A, B, c) = declared(name)
    drive = B @ [0.6, -1.1] + c
    solved = solve_ivp(lambda t, x: A @ x + drive, (0, DT), STATE[: len(A)], "DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    np.testing.assert_allclose(stepped(cell, model, "exact", 0.6, -1.1), solved, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_impulse_comes_at_the_end_of_the_step(cell, name):
    model, (A, B, c) = declared(name)
    free = stepped(cell, model, "exact", 0.0, 0.0)
    expected = free + DT * B @ [0.6, -1.1]
    np.testing.assert_allclose(stepped(cell, model, "impulse", 0.6, -1.1), expected, rtol=1e-13, atol=1e-14)


def test_many_small_steps_are_one_large_one(cell):
    model, _ = declared("complex rates")
    state = {"x": 0.8, "y": -0.3}
    small, _ = cell(model, dt=0.01).run(state, 500, I=0.4)
    large, _ = cell(model, dt=5.0).run(state, 1, I=0.4)
    for s in state:
        assert small[s] == pytest.approx(large[s], rel=1e-11)


def test_every_neuron_has_its_own_parameters(cell):
    model, _ = declared("coupled")
    taus = np.array([5.0, 7.0, 20.0])
    together = cell(model, dt=DT, shape=(3,), a=taus, b=np.full(3, 5.0))(x=0.8, y=-0.3, I=0.6)
    for i, tau in enumerate(taus):
        alone = cell(model, dt=DT, a=tau, b=5.0)(x=0.8, y=-0.3, I=0.6)
        assert together["x"][i] == pytest.approx(alone["x"], rel=1e-14)


def test_matrices_in_terms_of_parameters():
    model, _ = declared("coupled")
    linear = linear_system(derive(model, {}))
    a, b, current = symbol("a"), symbol("b"), symbol("I")
    assert {("x", "x"): -1 / a, ("x", "y"): 1 / a, ("y", "y"): -1 / b} == linear.A
    assert {("x", current): 1 / a} == linear.B and linear.c == {}
    assert linear.sources("x") == ["x", "y"] and linear.sources("y") == ["y"]


def test_maps_are_constant_within_a_step(cell):
    model = NeuronModel("dx/dt = -x / a + m\nm := m / 2", {"a": 4.0}, method="exact")
    result = cell(model, dt=DT)(x=0.8, m=2.0)
    assert result["x"] == pytest.approx(0.8 * np.exp(-DT / 4) + 2 * 4 * (1 - np.exp(-DT / 4)), rel=1e-14)
    assert result["m"] == 1.0


@pytest.mark.parametrize("method", ["exact", "impulse"])
@pytest.mark.parametrize(
    "slope",
    ["-x * y", "-x**2", "exp(x)", "x * I", "I**2", "-x + t", "-x * t", "I * t", "abs(x)", "min(x, 1)", "where(x > 0, -x, x)",
     "where(x > 0, -1, 1)", "where(t > 1, -x, 0)", "where(I > 0, 1, 2)", "sign(x)", "max(I, 0)"],
)  # fmt: skip
def test_what_is_not_linear_is_refused_by_name(cell, method, slope):
    model = NeuronModel(f"dy/dt = -y\ndx/dt = {slope}", name="bent")
    with pytest.raises(UnsupportedError, match=f"bent, equation of x: .*'{method}'"):
        cell(model, method)()


# --- noise


def covariance_of_step(cell, model, **parameters):
    """Covariance of what the noise adds in one step: the step is linear in its normal numbers."""
    one = cell(model, "exact", DT, **parameters)
    noises = model.noises
    at_rest = {f"noise_{n}": 0.0 for n in noises}
    base = one(**at_rest)
    gain = np.array([[one(**{**at_rest, f"noise_{n}": 1.0})[s] - base[s] for n in noises] for s in model.states])
    return gain @ gain.T


def covariance_by_quadrature(A, G):
    """Integral of exp(A s) G G' exp(A' s) over the step, by Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s = (nodes + 1) * DT / 2
    return sum(w * DT / 2 * (expm(A * u) @ G @ G.T @ expm(A * u).T) for u, w in zip(s, weights, strict=True))


NOISY = {
    "scalar": ("dx/dt = -x / 4 + 0.7 * xi", [[-0.25]], [[0.7]]),
    "perfect integrator": ("dx/dt = 0.7 * xi", [[0.0]], [[0.7]]),
    "independent": ("dx/dt = -x + 0.5 * xi_a\ndy/dt = -2 * y + 3 * xi_b", [[-1, 0], [0, -2]], [[0.5, 0], [0, 3]]),
    "coupled": ("dx/dt = -x + y + 0.5 * xi_a\ndy/dt = -2 * y + 3 * xi_b", [[-1, 1], [0, -2]], [[0.5, 0], [0, 3]]),
    "passed on": ("dx/dt = -x + y + 0 * xi_a\ndy/dt = -2 * y + 3 * xi_b + 0.1 * xi_a", [[-1, 1], [0, -2]], [[0, 0], [0.1, 3]]),
    "oscillator": (
        "dx/dt = -0.1 * x - 2 * y + 0.4 * xi_a\ndy/dt = 2 * x - 0.1 * y + 0.2 * xi_b",
        [[-0.1, -2], [2, -0.1]],
        [[0.4, 0], [0, 0.2]],
    ),
    "repeated": ("dx/dt = -x + y + 0.4 * xi_a\ndy/dt = -y + 0.2 * xi_b", [[-1, 1], [0, -1]], [[0.4, 0], [0, 0.2]]),
    "crossed": ("dx/dt = -x + 0.4 * xi_b\ndy/dt = -y + 0.2 * xi_a", [[-1, 0], [0, -1]], [[0, 0.4], [0.2, 0]]),
    "shared": ("dx/dt = -x + y + 0.4 * xi_a + 0.3 * xi_b\ndy/dt = -3 * y + 0.2 * xi_b", [[-1, 1], [0, -3]], [[0.4, 0.3], [0, 0.2]]),
    "filtered": ("dx/dt = (-x + y) / 4\ndy/dt = -y + xi_a\nu = 0 * xi_b", [[-0.25, 0.25], [0, -1]], [[0, 0], [1, 0]]),
}


@pytest.mark.parametrize("name", NOISY)
def test_the_noise_of_a_step_has_its_exact_covariance(cell, name):
    equations, A, G = NOISY[name]
    A, G = np.array(A, dtype=float), np.array(G, dtype=float)
    expected = covariance_by_quadrature(A, G)
    np.testing.assert_allclose(covariance_of_step(cell, NeuronModel(equations)), expected, rtol=1e-11, atol=1e-14)


def test_the_noise_settles_at_the_covariance_of_lyapunov(cell):
    equations, A, G = NOISY["coupled"]
    A, G = np.array(A, dtype=float), np.array(G, dtype=float)
    step, phi = covariance_of_step(cell, NeuronModel(equations)), expm(A * DT)
    settled = np.zeros((2, 2))
    for _ in range(200):
        settled = phi @ settled @ phi.T + step
    np.testing.assert_allclose(settled, solve_continuous_lyapunov(A, -G @ G.T), rtol=1e-11)


@pytest.mark.parametrize(
    "equations, match",
    [
        ("dx/dt = -x + xi**2", "noisy, equation of x: the noise xi must enter linearly"),
        ("dx/dt = -x + xi_a * xi_b", "noisy, equation of x: the noise xi_a must enter linearly"),
        ("dx/dt = where(xi > 0, -1, 1)", "noisy, equation of x: the noise xi must enter linearly"),
        ("dx/dt = -x + x * xi", "noisy, equation of x: the noise depends on the state"),
        ("dx/dt = -x + sin(t) * xi", "noisy, equation of x: the noise depends"),
        ("dx/dt = -x + xi\ndy/dt = -y + x", r"noisy: 2 coupled states \(x, y\) share 1 noise"),
        ("dx/dt = -x + xi\ndy/dt = -2 * y + xi", r"noisy: 2 coupled states \(x, y\) share 1 noise"),
    ],
)
def test_noise_that_cannot_be_exact_is_refused_by_name(cell, equations, match):
    with pytest.raises(UnsupportedError, match=match):
        cell(NeuronModel(equations, name="noisy"), "exact")()
