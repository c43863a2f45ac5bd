"""Groups of neurons."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from spaic.Dynamics.model import METHODS
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.presets import preset as find_preset
from spaic.errors import DeclarationError, nearest, reject_unknown
from spaic.Graph.values import Value, as_value
from spaic.Network.element import Element
from spaic.registry import neurons
from spaic.units import in_unit


class NeuronGroup(Element):
    """A group of neurons of one model.

    Parameters
    ----------
    num : int, optional
        Number of neurons; may be left out if `shape` is given.
    model : str or NeuronModel
        A registered name (see docs/models.md), or a declaration of your own.
    shape : tuple of int, optional
        Shape of the group, ``(num,)`` by default; images are (channels, height, width).
    integrator : str, optional
        exact, exponential_euler, exponential_midpoint, euler, rk2, rk4 or impulse; the model's own by default.
    preset : str, optional
        A named set of parameters of the model, such as ``"tonic"`` of adex (see docs/models.md); parameters given besides win over it.
    reset : str, optional
        What a spike does instead of the model's own reset, such as ``"V -= V_th"`` (reset by subtraction).
    substeps : int, optional
        Parts into which the integrator divides a time step; the model's own number by default.
    interpolate : bool, optional
        Whether the reset happens at the crossing within the step; as the model says by default.
    initial : mapping of str to number, text with a unit, array or initializer, optional
        Initial values of states.
    trainable : iterable of str, optional
        Parameters that gradient learners change, besides those the model declares so. They stay in their declared ranges.
    neuron_type : str or list of str, optional
        Tags for connection policies.
    param : mapping, optional
        Parameters as a mapping; keywords win over it.
    name : str, optional
        Name where it is not assigned to an attribute.
    **parameters
        Values of the model's parameters: numbers, arrays of `shape`, initializers, or text with a unit (``"20 ms"``).
        Names may differ in case.

    Raises
    ------
    DeclarationError
        For a size that is no positive whole number, an unknown model, preset, keyword or integrator, or a value out of range.

    Examples
    --------
    >>> import spaic
    >>> group = spaic.NeuronGroup(100, model="lif", tau_m="10 ms")
    >>> group.shape, group.parameters["tau_m"]
    ((100,), 10.0)
    >>> spaic.NeuronGroup(100, model="adex", preset="adapting", b=0.0).parameters["tau_w"]
    300.0
    >>> spaic.NeuronGroup(100, model="lif", tau=10.0)
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: NeuronGroup(lif): unknown keyword 'tau'; did you mean 'tau_m'?
    """

    kind = "neurongroup"

    def __init__(
        self,
        num: int | None = None,
        model: str | NeuronModel | None = None,
        shape: Iterable[int] | int | None = None,
        *,
        integrator: str | None = None,
        preset: str | None = None,
        reset: str | None = None,
        substeps: int | None = None,
        interpolate: bool | None = None,
        initial: Mapping[str, Any] | None = None,
        trainable: Iterable[str] = (),
        neuron_type: str | Iterable[str] = (),
        param: Mapping[str, Any] | None = None,
        name: str | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(name)
        if model is None:  # perhaps the keyword is misspelt
            reject_unknown("NeuronGroup", parameters, ("num", "model", "shape", "integrator", "preset", "initial", "trainable"))
        self.model = _model(model)
        changes = {"reset": reset, "substeps": substeps, "interpolate": interpolate}
        if any(v is not None for v in changes.values()):
            self.model = replace(self.model, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
        where = f"NeuronGroup({self.model.name})"
        self.has_shape = shape is not None
        self.shape = group_shape(num, shape, where)
        self.integrator = integrator or self.model.method
        if self.integrator not in METHODS:
            raise DeclarationError(f"{where}: unknown integrator {integrator!r}; {nearest(integrator, METHODS)}")
        given = {**_without(param or {}, parameters), **parameters}
        named = find_preset(self.model, preset, where).values if preset is not None else {}
        self.parameters = _parameters(self.model, {**_without(named, given), **given}, where)
        self.initial = _initial(self.model, initial or {}, where)
        declared = {k for k, p in self.model.parameters.items() if isinstance(p, Parameter) and p.trainable}
        self.trainable = frozenset(_named(k, self.model.parameters, where, "parameter") for k in _chosen(trainable, where)) | declared
        self.type = (neuron_type,) if isinstance(neuron_type, str) else tuple(neuron_type)

    @property
    def num(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    def add_type(self, tag: str) -> None:
        """Add a tag for connection policies."""
        self.type = (*self.type, tag)

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.model.name


def group_shape(num: Any, shape: Any, where: str) -> tuple[int, ...]:
    """The shape meant by `num` and `shape`, checked."""
    if num is None and shape is None:
        raise DeclarationError(f"{where}: neither num nor shape is given; say how many neurons there are")
    if num is not None:
        num = _count(num, f"{where}.num")
    if shape is None:
        return (num,)
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    sizes = tuple(_count(n, f"{where}.shape") for n in sizes)
    if not sizes:
        raise DeclarationError(f"{where}: the shape is empty; give at least one size")
    if num is not None and prod(sizes) != num:
        raise DeclarationError(f"{where}: shape {sizes} has {prod(sizes)} elements, num is {num}; make them equal or give only one")
    return sizes


def _count(value: Any, path: str) -> int:
    try:
        count = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:  # tensors have the method and refuse to be one
        count = 0
    if count < 1:
        raise DeclarationError(f"{path}: {value!r} is not a positive whole number; give one")
    return count


def _model(model: Any) -> NeuronModel:
    if model is None:
        raise DeclarationError(f"NeuronGroup: no model is given; {nearest('', neurons)}")
    if isinstance(model, NeuronModel):
        return model
    if not isinstance(model, str):
        raise DeclarationError(f"NeuronGroup: a model is a name or a NeuronModel, got {model!r}; give one of these")
    found: NeuronModel = neurons[model]
    return found


def _parameters(model: NeuronModel, given: Mapping[str, Any], where: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, value in given.items():
        name = _named(key, model.parameters, where, "keyword")
        if name in values:
            raise DeclarationError(f"{where}: {name} is given twice, in two spellings; give it once")
        declared = model.parameters[name]
        values[name] = as_value(in_unit(value, declared.unit, f"{where}.{name}"), f"{where}.{name}")  # type: ignore[union-attr]
        if not hasattr(values[name], "sample"):
            declared.check(values[name], f"{where}.{name}")  # type: ignore[union-attr]
    return values


def _chosen(trainable: Any, where: str) -> Iterable[str]:
    if isinstance(trainable, str):
        return (trainable,)
    if not isinstance(trainable, Iterable):
        raise DeclarationError(f"{where}: trainable is {trainable!r}; give names of parameters, such as trainable='tau_m'")
    return trainable


def _initial(model: NeuronModel, given: Mapping[str, Any], where: str) -> dict[str, Value]:
    named = {_named(key, model.states, where, "state"): value for key, value in given.items()}
    return {
        name: as_value(in_unit(value, model.units.get(name, "1"), f"{where}.{name}"), f"{where}.{name}") for name, value in named.items()
    }


def _without(mapping: Mapping[str, Any], others: Iterable[str]) -> dict[str, Any]:
    """`mapping` without the names in `others`, whatever their case: keywords win over it."""
    taken = {str(name).lower() for name in others}
    return {k: v for k, v in mapping.items() if str(k).lower() not in taken}


def _named(key: str, known: Iterable[str], where: str, what: str) -> str:
    """The name in `known` that `key` means, whatever its case."""
    names = list(known)
    if key in names:
        return key
    alike = [n for n in names if n.lower() == str(key).lower()]
    if len(alike) == 1:
        return alike[0]
    raise DeclarationError(f"{where}: unknown {what} {key!r}; {nearest(key, names)}")
