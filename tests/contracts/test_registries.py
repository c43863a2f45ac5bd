"""Everything that is registered says what it is, and what it says is true."""

import inspect

import numpy as np
import pytest
from scipy.integrate import quad

from spaic import NeuronModel, Surrogate, SynapseModel, registry
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.rules import Rule
from spaic.Dynamics.step import build_step
from spaic.errors import DeclarationError, UnknownName
from spaic.registry import Registry

REGISTRIES = {name: r for name, r in vars(registry).items() if isinstance(r, Registry)}
ITEMS = [(kind, name) for kind, r in REGISTRIES.items() for name in r]
MODELS = [(kind, name) for kind, name in ITEMS if kind in ("neurons", "synapses")]


def test_every_registry_holds_something():
    assert all(len(r) for r in REGISTRIES.values())
    assert len(registry.surrogates) >= 10
    assert {"if", "lif", "clif", "plif", "alif", "cuba", "izhikevich", "adex", "hodgkin_huxley"} <= set(registry.neurons)


@pytest.mark.parametrize("kind, name", ITEMS)
class TestEveryItem:
    def test_names_and_aliases_lead_to_it(self, kind, name):
        found = REGISTRIES[kind]
        for spelling in (name, name.upper(), name.replace("_", "-"), f" {name} ", *found.aliases(name)):
            assert found[spelling] is found[name]
            assert found.canonical(spelling) == name

    def test_its_name_is_taken(self, kind, name):
        for spelling in (name, *REGISTRIES[kind].aliases(name)):
            with pytest.raises(DeclarationError, match="already registered"):
                REGISTRIES[kind].add(spelling.upper(), object())

    def test_a_slip_is_answered_with_a_name(self, kind, name):
        with pytest.raises(UnknownName, match="unknown .*; did you mean"):
            REGISTRIES[kind][name + "_"]

    def test_it_says_what_it_is(self, kind, name):
        item = REGISTRIES[kind][name]
        if isinstance(item, (NeuronModel, SynapseModel, Surrogate, Rule)):
            assert len(item.summary) > 5 and len(item.source) > 5
            assert all(p.meaning for p in item.parameters.values())
            return
        text = inspect.getdoc(item)
        assert text and text != inspect.getdoc(type(item))
        parameters = [p for p in inspect.signature(item).parameters if p not in ("args", "options", "given", "algorithm")]
        undescribed = [p for p in parameters if p not in text]
        assert not undescribed, f"{kind} {name}: its text does not say what {undescribed} are"


@pytest.mark.parametrize("kind, name", MODELS)
class TestEveryModel:
    def test_it_is_called_as_it_is_registered(self, kind, name):
        assert REGISTRIES[kind][name].name == name

    def test_defaults_lie_in_their_ranges(self, kind, name):
        for key, parameter in REGISTRIES[kind][name].parameters.items():
            if not isinstance(parameter.default, str):
                parameter.check(parameter.default, f"{name}.{key}")

    def test_time_constants_are_positive(self, kind, name):
        for key, parameter in REGISTRIES[kind][name].parameters.items():
            if key.startswith("tau"):
                assert parameter.bounds[0] >= 0 and not parameter.bounds[2], f"{key} may be 0"

    def test_potentials_in_millivolt_have_units_everywhere(self, kind, name):
        model = REGISTRIES[kind][name]
        if any(p.unit == "mV" for p in model.parameters.values()):
            assert kind == "synapses" or model.units.get(model.states[0]) == "mV"
            assert all(current in model.units for current in model.currents)

    def test_its_own_method_makes_a_tape(self, kind, name):
        model = REGISTRIES[kind][name]
        step = build_step(model, model.method, frozenset(model.ports))
        tape = lower(step.assignments, step.results, {*model.parameters, "dt"})
        assert set(tape.outputs) >= set(model.variables)

    def test_every_parameter_matters(self, kind, name):
        """A parameter that nothing reads would be a promise that is not kept."""
        model = REGISTRIES[kind][name]
        expressions = [*(e.right for e in model.lines), *(e for e, _ in model._texts())]
        texts = [p.default for p in model.parameters.values()] + list(model.initial.values())
        read = set().union(*(e.symbols for e in expressions))
        period = getattr(model, "refractory_period", None)
        for key in set(model.parameters) - read - {period[0] if period else None}:
            assert any(isinstance(t, str) and key in t for t in texts), f"{name}: nothing reads {key}"


def derivative(surrogate):
    tape = lower([("s", surrogate.sympy)], {"s": "s"}, ())
    return lambda x: np.broadcast_to(tape.run(PRIMITIVES, dict.fromkeys(tape.inputs, x))["s"], np.shape(x)).astype(float)


#: Signed by design.
SIGNED = {"multi_gaussian"}
#: Without a maximum at the threshold by design.
ONE_SIDED = {"relu_like"}
NAMES = set(registry.surrogates)
UNIT_AREA = sorted(n for n in NAMES if "unit area" in registry.surrogates[n].summary)
X = np.linspace(-3, 3, 6001)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_surrogate_is_finite(name):
    values = derivative(registry.surrogates[name])(X)
    assert np.isfinite(values).all() and values.any()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_surrogate_is_signed_only_by_design(name):
    assert (derivative(registry.surrogates[name])(X).min() < 0) == (name in SIGNED)


@pytest.mark.parametrize("name", sorted(NAMES - ONE_SIDED))
def test_a_surrogate_is_largest_at_the_threshold_and_symmetric(name):
    at = derivative(registry.surrogates[name])
    assert (at(X) <= at(np.array(0.0)) + 1e-15).all()
    np.testing.assert_allclose(at(X), at(-X), rtol=0, atol=1e-13 * at(X).max())


@pytest.mark.parametrize("name", UNIT_AREA)
@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_what_is_called_of_unit_area_is(name, factor):
    surrogate = registry.surrogates[name]
    at = derivative(surrogate.using(**{k: p.default * factor for k, p in surrogate.parameters.items()}))
    area = quad(lambda x: float(at(np.array(x))), 0, 40, points=[0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4], limit=500)[0]
    assert 2 * area == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("name", sorted(n for n in NAMES if registry.surrogates[n].parameters))
def test_the_parameters_of_a_surrogate_change_it(name):
    surrogate = registry.surrogates[name]
    for key, parameter in surrogate.parameters.items():
        other = surrogate.using(**{key: parameter.default * 0.5})
        assert not np.array_equal(derivative(other)(X), derivative(surrogate)(X)), key
