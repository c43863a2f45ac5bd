"""The stages of a connection: what ``syn_type`` means."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from spaic import spellings
from spaic.Dynamics.models import SynapseModel
from spaic.errors import DeclarationError, UnknownName, nearest, reject_unknown
from spaic.Graph.values import Value, as_value
from spaic.registry import links, synapses
from spaic.units import in_unit

if TYPE_CHECKING:
    from spaic.Network.connection import Connection, LinkType

#: Names that stand for the link itself, and those of the stages around it: name -> (link type, its fixed keywords).
_ITSELF = ("basic", "conv")
_STAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "avgpool": ("pool", {"mode": "avg"}),
    "maxpool": ("pool", {"mode": "max"}),
    "dropout": ("dropout", {}),
    "batchnorm": ("batchnorm", {}),
    "upsample": ("upsample", {}),
    "electrical": ("electrical", {}),
}
_NOTHING = ("flatten", "directpass")  # groups of any shape are connected as they are

#: A stage as the user names it, or a synapse.
Named = str | SynapseModel


@dataclasses.dataclass(frozen=True, eq=False)
class Shaping:
    """A synapse as a stage of a connection.

    Attributes
    ----------
    model : SynapseModel
        The declaration.
    values : mapping of str to Value
        Parameters that were given.
    """

    model: SynapseModel
    values: Mapping[str, Value]


def named(syn_type: Named | Iterable[Named] | None) -> tuple[list[Named], list[Named]]:
    """The stages before and after the link."""
    if not isinstance(syn_type, (str, SynapseModel, Iterable, type(None))):
        raise DeclarationError(f"Connection: syn_type is {syn_type!r}; give the name of a synapse, or a list of them")
    given = [syn_type] if isinstance(syn_type, (str, SynapseModel)) else [] if syn_type is None else list(syn_type)
    found = [_found(stage) for stage in given]
    itself = [i for i, stage in enumerate(found) if stage in _ITSELF]
    if len(itself) > 1:
        raise DeclarationError(f"Connection: syn_type {given} names the link itself twice; a connection has one link")
    first = next((i for i, stage in enumerate(found) if not _is_presynaptic(stage)), len(found))
    before, after = (found[: itself[0]], found[itself[0] + 1 :]) if itself else (found[:first], found[first:])
    before, after = ([stage for stage in side if stage not in _NOTHING] for side in (before, after))
    _check(before, after, given)
    return before, after


def _found(given: Any) -> Named:
    if isinstance(given, SynapseModel):
        return given
    name = spellings.name("synapse", str(given))
    known = [*_ITSELF, *_STAGES, *_NOTHING]
    if name in synapses.refused:
        synapses.canonical(name)  # says why
    if name not in known and name not in synapses:
        raise UnknownName(f"Connection: unknown synapse model {name!r}; {nearest(name, [*known, *synapses])}")
    return name if name in known else synapses[name]


def _is_presynaptic(stage: Named) -> bool:
    return isinstance(stage, SynapseModel) and stage.is_presynaptic


def _check(before: list[Named], after: list[Named], given: list[Any]) -> None:
    for stage in after:
        if isinstance(stage, SynapseModel) and stage.is_presynaptic:
            raise DeclarationError(
                f"Connection: syn_type {given} has {stage.name!r} after the link, which acts on presynaptic neurons; put it before 'basic'"
            )
    for stage in (*before, *after[:-1]):
        if isinstance(stage, SynapseModel) and stage.reads:
            raise DeclarationError(
                f"Connection: syn_type {given} has {stage.name!r} before another stage, which reads the postsynaptic neuron; put it last"
            )
    if "electrical" in before or ("electrical" in after and len(before) + len(after) > 1):
        raise DeclarationError(f"Connection: syn_type {given} has stages besides 'electrical'; a gap junction has no others")
    twice = [stage for stage, n in Counter(s for s in (*before, *after) if isinstance(s, str)).items() if n > 1 and stage == "batchnorm"]
    if twice:
        raise DeclarationError(f"Connection: syn_type {given} names {twice[0]!r} twice, whose parameters would have one name; use it once")


def pooled(link_type: Any, around: tuple[list[Named], list[Named]], options: dict[str, Any], values: dict[str, Any]) -> tuple[Any, Any]:
    """The link type and its own keywords; ``link_type='pool', syn_type='maxpool'`` is one stage, not two."""
    is_pool = isinstance(link_type, str) and link_type in links and links.canonical(link_type) == "pool"
    for side in around if is_pool else ():
        for name in [n for n in side if n in ("avgpool", "maxpool")]:
            side.remove(name)
            options.setdefault("mode", _STAGES[str(name)][1]["mode"])
    belonging = {key for side in around for name in side if isinstance(name, str) for key in _fields(name)}
    own = {k: v for k, v in options.items() if k not in belonging}
    values.update({k: v for k, v in options.items() if k in belonging and k not in values})
    return link_type, own


def chain(link: LinkType, around: tuple[list[Named], list[Named]], values: Mapping[str, Any]) -> tuple[LinkType | Shaping, ...]:
    """The link with the stages before and after it, with their parameters."""
    names = [*around[0], *around[1]]
    takes = {_name(stage): set(_fields(stage)) for stage in names}
    shaping = {stage.name for stage in names if isinstance(stage, SynapseModel)}
    shared: dict[str, Any] = {}
    nested: dict[str, Mapping[str, Any]] = {}
    for key, value in values.items():
        owners = [name for name, fields in takes.items() if key in fields]
        if isinstance(value, Mapping) and spellings.name("synapse", key) in takes:
            nested[spellings.name("synapse", key)] = value
        elif len(owners) > 1 and shaping & set(owners):
            raise DeclarationError(
                f"Connection.syn_kwargs: {' and '.join(owners)} both have a parameter {key!r}; write {{{owners[-1]!r}: {{{key!r}: ...}}}}"
            )
        else:
            shared[key] = value
    where = f"Connection({names[-1].name})" if names and isinstance(names[-1], SynapseModel) else "Connection.syn_kwargs"
    reject_unknown(where, shared, {key for fields in takes.values() for key in fields}, "synapse parameter" if shaping else "keyword")
    made = [_made(s, {**{k: v for k, v in shared.items() if k in takes[_name(s)]}, **nested.get(_name(s), {})}) for s in names]
    return (*made[: len(around[0])], link, *made[len(around[0]) :])


def _made(stage: Named, values: dict[str, Any]) -> LinkType | Shaping:
    name = _name(stage)
    reject_unknown(f"Connection({name})", values, _fields(stage))
    if isinstance(stage, SynapseModel):
        given = {k: in_unit(v, stage.parameter(k).unit, f"Connection({name}).{k}") for k, v in values.items()}
        return Shaping(stage, {k: as_value(v, f"Connection({name}).{k}") for k, v in given.items()})
    kind, fixed = _STAGES[stage]
    made: LinkType = links[kind](**fixed, **values)
    return made


def _name(stage: Named) -> str:
    return stage.name if isinstance(stage, SynapseModel) else stage


def _fields(stage: Named) -> list[str]:
    """Keywords that a stage takes."""
    if isinstance(stage, SynapseModel):
        return list(stage.parameters)
    kind, fixed = _STAGES[stage]
    return [f.name for f in dataclasses.fields(links[kind]) if f.name not in fixed]


def hidden(stages: Iterable[Any]) -> dict[int, str]:
    """Place in the chain of every synapse that becomes a population of its own -> its name: all but one at the end, after the link."""
    found: dict[int, str] = {}
    for i, stage in enumerate(list(stages)[:-1]):
        if isinstance(stage, Shaping):
            name, number = stage.model.name, 1
            while name in found.values():
                name, number = f"{stage.model.name}_{number}", number + 1
            found[i] = name
    return found


def last_link(connection: Connection) -> str:
    """Path of the link that arrives at the target in the end."""
    within = hidden(connection.chain)
    is_direct = not within or max(within) < connection.chain.index(connection.link)
    return connection.path if is_direct else f"{connection.path}.to_{connection.post.name}"


def place(connection: Connection, variable: str) -> str:
    """Path of a variable of a connection in the graph; see :meth:`~spaic.Network.connection.Connection.place`."""
    last = last_link(connection)
    if variable == "current" or (connection.synapse is not None and variable in connection.synapse.variables):
        return f"{last}.{variable}"
    for i, name in reversed(hidden(connection.chain).items()):
        if variable in connection.chain[i].model.variables:  # type: ignore[union-attr]
            return f"{connection.path}.{name}.{variable}"
    return f"{connection.path}.{variable}"
