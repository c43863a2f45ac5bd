"""Named sets of parameters of neuron models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.errors import DeclarationError, nearest


@dataclass(frozen=True)
class Preset:
    """Parameters of a model that have a name of their own.

    Parameters
    ----------
    name : str
        How it is chosen, ``preset="tonic"``.
    values : mapping of str to float
        In the units of the model's parameters; the others keep their defaults.
    summary : str
        What the neuron does with them.
    source : str
        Where the values come from.
    """

    name: str
    values: Mapping[str, float]
    summary: str
    source: str


_PRESETS: dict[str, dict[str, Preset]] = {}


def add_preset(model: NeuronModel, name: str, summary: str, source: str, **values: float) -> Preset:
    """Give parameters of `model` a name; ``NeuronGroup(100, model=..., preset=name)`` takes them.

    Raises
    ------
    DeclarationError
        If the name is taken, or a parameter is unknown or out of its range.

    Examples
    --------
    >>> from spaic.registry import neurons
    >>> add_preset(neurons["lif"], "slow", "Forgets within 0.2 s.", "here", tau_m=50.0).values
    {'tau_m': 50.0}
    >>> del _PRESETS["lif"]["slow"]
    """
    where = f"preset {name!r} of {model.name}"
    for key, value in values.items():
        declared = model.parameters.get(key)
        if not isinstance(declared, Parameter):
            raise DeclarationError(f"{where}: unknown parameter {key!r}; {nearest(key, model.parameters)}")
        declared.check(value, f"{where}, {key}")
    named = _PRESETS.setdefault(model.name, {})
    if _key(name) in named:
        raise DeclarationError(f"{where}: the name is taken; choose another one")
    named[_key(name)] = Preset(_key(name), values, summary, source)
    return named[_key(name)]


def presets(model: NeuronModel) -> dict[str, Preset]:
    """Name -> preset of `model`, in the order in which they were added."""
    return dict(_PRESETS.get(model.name, {}))


def preset(model: NeuronModel, name: str, where: str) -> Preset:
    """The preset of `model` that `name` means; case, blanks and hyphens do not matter.

    Raises
    ------
    DeclarationError
        Naming the nearest one there is.
    """
    found = presets(model)
    if not isinstance(name, str) or _key(name) not in found:
        hint = nearest(name, found) if found else "it has none, give the parameters themselves"
        raise DeclarationError(f"{where}: unknown preset {name!r}; {hint}")
    return found[_key(name)]


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
