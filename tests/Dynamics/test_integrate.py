"""Integrators: each converges with the order of its name on every registered model, or is exact, or refuses by name."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from spaic import NeuronModel, registry
from spaic.Dynamics.integrate import INTEGRATORS, ORDERS
from spaic.Dynamics.linear import linear_system
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.model import METHODS
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.system import derive, symbol
from spaic.errors import UnsupportedError

#: Model -> duration in ms, current, and states that differ from the initial ones: no spike in between, everything in motion.
COURSES = {
    "if": (8.0, 0.05, {"V": 0.2}),
    "lif": (8.0, 0.9, {"V": -0.5}),
    "cuba": (8.0, 0.3, {"V": -0.2, "I_syn": 0.8}),
    "clif": (8.0, None, {"V": -0.2, "D": 0.3, "S": 1.2}),
    "alif": (8.0, 0.9, {"V": -0.5, "A": 2.0}),
    "izhikevich": (4.0, 4.0, {"V": -60.0, "U": -11.0}),
    "adex": (8.0, 500.0, {"V": -60.0, "W": 60.0}),
    "hodgkin_huxley": (1.0, 10.0, {}),
    "alif_stdp_ex": (150.0, None, {"V": 0.8, "theta": 0.5}),
    "lif_stdp_ex": (150.0, None, {"V": -60.0, "theta": 3.0}),
    "lif_stdp_ih": (20.0, None, {"V": -45.0}),
    "exponential_if": (8.0, 1.0, {"V": -58.0}),
    "quadratic_if": (8.0, 5.0, {"V": -55.0}),
    "gif": (4.0, 10.0, {"V": -65.0, "W_1": 0.2, "W_2": 0.2, "T_1": 0.2, "T_2": 0.2}),
    "lif_escape": (4.0, 0.1, {"V": -3.0}),
}
#: A standard normal number so large that escape noise lets no neuron fire.
QUIET = 4.0
SMOOTH = [name for name in registry.neurons if any(e.kind == "ode" for e in registry.neurons[name].lines)]
#: Order -> steps of the coarser of two runs whose errors are compared.
COARSE = {1: 512, 2: 128, 4: 32}


def course(cell, name):
    """The course of a model: that of the table, or all currents on and every state a little off."""
    model = registry.neurons[name]
    if name in COURSES:
        return Course(cell, model, *COURSES[name])
    states = [e.name for e in model.lines if e.kind == "ode"]
    initial = {s: float(np.asarray(cell(model).initial[s])) for s in states}
    start = {s: x + 0.2 * max(1.0, abs(x) / 50) for s, x in initial.items()}
    return Course(cell, model, 4.0, 0.1 if model.currents else None, start)


def as_linear(model):
    try:
        return linear_system(derive(model, {}))
    except UnsupportedError:
        return None


def is_exact(model, method):
    """True if `method` has no error on `model`: it solves each linear row by itself, or nothing changes within a step."""
    linear = as_linear(model)
    slopes = {symbol(s): e for s, e in derive(model, {}).slopes.items()}
    is_separate = all(e.free_symbols & set(slopes) <= {s} and e.diff(s, 2).equals(0) for s, e in slopes.items())
    return (linear is not None and (not linear.A or method == "exact")) or (method.startswith("exponential") and is_separate)


EXACT = [(name, m) for name in SMOOTH for m in (*ORDERS, "exact") if is_exact(registry.neurons[name], m)]
CONVERGING = [(name, m) for name in SMOOTH for m in ORDERS if not is_exact(registry.neurons[name], m)]


class Course:
    """The way of a model from its start to its end, and its end by a solver of order 8."""

    def __init__(self, cell, model, duration, current, start):
        self.cell, self.model, self.duration = cell, model, duration
        self.given = {} if current is None else dict.fromkeys(model.currents, current)
        self.start = {**cell(model).initial, **start}
        self.end = self._solved()

    def _solved(self):
        system = derive(self.model, {})
        names = list(system.slopes)
        tape = lower([(f"d{s}", e) for s, e in system.slopes.items()], {s: f"d{s}" for s in names}, self.model.parameters)
        fixed = {**dict.fromkeys(self.model.currents, 0.0), **self.cell(self.model).parameters, **self.start, **self.given}

        def slope(t, x):
            result = tape.run(PRIMITIVES, {**fixed, **dict(zip(names, x, strict=True)), "t": np.float64(t)})
            return [float(result[s]) for s in names]

        solved = solve_ivp(slope, (0, self.duration), [float(self.start[s]) for s in names], "DOP853", rtol=1e-12, atol=1e-13)
        return dict(zip(names, solved.y[:, -1], strict=True))

    def error(self, method, steps):
        """Largest error of a state, relative to its size."""
        stepper = self.cell(self.model, method, self.duration / steps, connected=[*self.given])
        state, fired = stepper.run(self.start, steps, **self.given, **{f"noise_{n}": QUIET for n in self.model.noises})
        assert not fired, "the course is not smooth; shorten it"
        return max(abs(float(state[s]) - x) / max(1.0, abs(x)) for s, x in self.end.items())

    def order(self, method):
        coarse = COARSE[ORDERS[method]]
        return np.log2(self.error(method, coarse) / self.error(method, 2 * coarse))


@pytest.fixture(scope="module")
def courses(cell):
    return {name: course(cell, name) for name in SMOOTH}


def test_every_smooth_model_and_every_method_is_here():
    assert set(COURSES) <= set(SMOOTH)
    assert set(INTEGRATORS) == set(METHODS) == {*ORDERS, "exact", "impulse"}
    assert {m for _, m in EXACT} >= {"exact", "exponential_euler"} and {m for _, m in CONVERGING} == set(ORDERS)


@pytest.mark.parametrize("name, method", CONVERGING)
def test_the_order_of_convergence(courses, name, method):
    assert courses[name].order(method) == pytest.approx(ORDERS[method], abs=0.15)


@pytest.mark.parametrize("name, method", EXACT)
def test_exact_methods_have_no_error(courses, name, method):
    assert courses[name].error(method, 8) < 1e-12


@pytest.mark.parametrize("name", [n for n in SMOOTH if as_linear(registry.neurons[n])])
def test_impulses_decay_exactly(cell, name):
    driven = course(cell, name)
    assert Course(cell, driven.model, driven.duration, None, driven.start).error("impulse", 8) < 1e-12


@pytest.mark.parametrize("name", [n for n in SMOOTH if not as_linear(registry.neurons[n])])
@pytest.mark.parametrize("method", ["exact", "impulse"])
def test_what_is_not_linear_is_refused_by_name(cell, name, method):
    first = next(e.name for e in registry.neurons[name].lines if e.kind == "ode")
    with pytest.raises(UnsupportedError, match=f"{name}, equation of {first}: .*'{method}'"):
        cell(registry.neurons[name], method).element.tape  # noqa: B018


#: t as a drive and t as a rate; a current; two coupled states.
IN_TIME = NeuronModel("dx/dt = cos(3 * t) * y - x / tau + I\ndy/dt = -t * y + sin(t) * x", {"tau": 2.0}, name="in_time")


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("method", ORDERS)
def test_time_in_equations_has_the_order_of_the_method(cell, method, substeps):
    model = NeuronModel(IN_TIME.equations, IN_TIME.parameters, substeps=substeps)
    course = Course(cell, model, 3.0, 0.3, {"x": 1.0, "y": 0.5})
    assert course.order(method) == pytest.approx(ORDERS[method], abs=0.15)


@pytest.mark.parametrize("method", ["exponential_euler", "exponential_midpoint"])
@pytest.mark.parametrize("slope", ["-min(x, 5)**2", "-max(x, 0.1) * x", "-abs(x) * x", "-x * clip(x, -1, 4)", "where(x > -9, -x**2, 1)"])
def test_rates_of_functions_with_a_corner(cell, method, slope):
    course = Course(cell, NeuronModel(f"dx/dt = {slope} + sin(3 * t)"), 1.0, None, {"x": 1.0})
    assert course.order(method) == pytest.approx(ORDERS[method], abs=0.15)


@pytest.mark.parametrize("method", ["exact", "impulse"])
@pytest.mark.parametrize("equation", ["dx/dt = -x + t", "dx/dt = -t * x"])
def test_time_is_refused_by_the_exact_methods(cell, method, equation):
    with pytest.raises(UnsupportedError, match=f"demo, equation of x: .*'{method}'.*use 'exponential_euler'"):
        cell(NeuronModel(equation, name="demo"), method)()


def test_substeps_are_smaller_steps(cell):
    start = {"x": 1.0, "y": 0.5}
    for method in ORDERS:
        parted = NeuronModel(IN_TIME.equations, IN_TIME.parameters, substeps=4)
        whole, _ = cell(IN_TIME, method, 0.05).run(start, 40, I=0.3)
        few, _ = cell(parted, method, 0.2).run(start, 10, I=0.3)
        assert {s: float(few[s]) for s in start} == pytest.approx({s: float(whole[s]) for s in start}, rel=1e-12)


def test_maps_go_one_step_whatever_the_method_and_see_the_old_states(cell):
    model = NeuronModel("x := a * x + y\ny := x + I\ndV/dt = x", {"a": 0.5})
    for method in METHODS:
        result = cell(model, method)(x=2.0, y=3.0, V=1.0, I=0.25)
        assert (float(result["x"]), float(result["y"])) == (4.0, 2.25)
        assert float(result["V"]) == pytest.approx(1.2)


# --- noise

NEURONS, STEPS, DT = 400, 1000, 0.1


def ornstein_uhlenbeck(cell, method, equations="dx/dt = -x / tau + sigma * xi", **parameters):
    """Samples ``[steps, neurons]`` of every state in its stationary regime."""
    model = NeuronModel(equations, parameters)
    one = cell(model, method, DT, (NEURONS,))
    rng = np.random.default_rng(7)
    state = dict.fromkeys(model.states, np.zeros(NEURONS))
    samples = {s: np.empty((STEPS, NEURONS)) for s in model.states}
    for n in range(-100, STEPS):
        result = one(**state, **{f"noise_{xi}": rng.standard_normal(NEURONS) for xi in model.noises})
        state = {s: result[s] for s in model.states}
        if n >= 0:
            for s in state:
                samples[s][n] = state[s]
    return samples


@pytest.mark.parametrize("method", ["euler", "exact", "exponential_euler"])
def test_the_variance_of_noise(cell, method):
    tau, sigma = 2.0, 0.7
    x = ornstein_uhlenbeck(cell, method, tau=tau, sigma=sigma)["x"]
    decay = {"euler": 1 - DT / tau}.get(method, np.exp(-DT / tau))
    kick = sigma**2 * DT if method != "exact" else sigma**2 * tau / 2 * (1 - decay**2)
    variance = kick / (1 - decay**2)
    independent = NEURONS * STEPS * (1 - decay**2) / (1 + decay**2)  # of squares of samples that follow each other
    assert np.var(x) == pytest.approx(variance, rel=4 * np.sqrt(2 / independent))
    assert abs(np.mean(x)) < 4 * np.sqrt(variance / (NEURONS * STEPS * (1 - decay) / (1 + decay)))


def test_noises_of_two_names_are_independent_and_one_name_is_one_noise(cell):
    drives = "dx/dt = -x / tau + xi_a\ndy/dt = -y / tau + xi_b\ndz/dt = -z / tau - 2 * xi_a"
    samples = ornstein_uhlenbeck(cell, "euler", drives, tau=1.0)
    np.testing.assert_allclose(samples["z"], -2 * samples["x"], rtol=1e-12, atol=1e-15)
    correlation = np.corrcoef(samples["x"].ravel(), samples["y"].ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(NEURONS * STEPS / 20)


@pytest.mark.parametrize("method", ["rk2", "rk4", "exponential_midpoint", "euler"])
def test_noise_is_added_once_per_step(cell, method):
    model = NeuronModel("dx/dt = -x + 0.5 * xi", substeps=3)
    one = cell(model, method, DT)
    assert float(one(x=1.0, noise_xi=2.0)["x"] - one(x=1.0)["x"]) == pytest.approx(0.5 * 2.0 * np.sqrt(DT), rel=1e-12)
