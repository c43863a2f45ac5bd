"""A whole network in one file: written, read back, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spaic import registry
from spaic.errors import DataError, DeclarationError, StateError
from spaic.IO.boundary import reading
from spaic.IO.description import describe
from spaic.IO.entries import demand_known
from spaic.IO.files import codec, container, text
from spaic.IO.listing import listed, parsed
from spaic.IO.rebuilding import rebuild
from spaic.IO.restoring import attach, demand_all, demand_parts, demand_sizes, kept_weights, take_over
from spaic.Learning.learner import Learner
from spaic.Network.network import Network
from spaic.Network.sources import Encoder, Generator
from spaic.Network.weights import Mismatch, load_weights
from spaic.version import VERSION

#: What a file holds is called by this name; another number means another layout.
KIND, LAYOUT = "spaic checkpoint", 1

_KEYS = ("kind", "layout", "made with", "description", "weights", "built", "holds", "learners", "progress", "sources", "state")

#: What the files are called, and those that hold the declaration alone, as text.
SUFFIX, TEXTS = ".spaic", (".json", ".yaml", ".yml")


def save(net: Network, path: str | Path, keep: int = 1, training: bool = True, state: bool = True) -> Path:
    """Write a network to a file, at once or not at all.

    Parameters
    ----------
    net : Network
        The network. If it was edited since its last build it is built anew first.
    path : str or Path
        ``.spaic`` (added if there is no suffix) holds everything, ``.json``, ``.yaml`` or ``.yml`` the declaration alone.
    keep : int
        How many versions to keep: ``name.spaic`` is the latest, ``name.1.spaic`` the one before, ...
    training : bool
        Whether learners, optimizers, schedules and the position in the training are written too.
    state : bool
        Whether the states of neurons and the data of the encoders are written too, so that ``run_continue`` goes on.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UnsupportedError
        Naming every element that holds Python code, which a file cannot.
    DataError
        If the file cannot be written; an earlier one is left as it was.
    """
    path = with_suffix(path)
    if path.suffix.lower() in TEXTS:
        if (keep, training, state) != (1, True, True):
            raise DeclarationError(
                f"{path}: keep, training and state do not apply to text, which holds the declaration alone; leave them out"
            )
        return text.write_text(path, {"kind": "spaic network", "layout": LAYOUT, **listed(describe(net))})
    return _write(path, contents(net, training, state), keep)


def contents(net: Network, training: bool = True, state: bool = True) -> dict[str, Any]:
    """What a file holds of a network, as nested data and arrays; see :func:`save`."""
    if net._simulation is not None:
        net._built()
    tree: dict[str, Any] = {
        "kind": KIND,
        "layout": LAYOUT,
        "made with": _versions(),
        "description": describe(net),
        "weights": weights(net),
        "built": net._simulation is not None,
        "holds": {"training": bool(training), "state": bool(state)},
    }
    if training:
        tree["learners"] = {k.path: k.state_dict() for k in net.everything(Learner)} if net._simulation is not None else {}
        tree["progress"] = None if net._progress is None else net._progress.state()
    if state:
        tree["sources"] = {node.path: node.source for node in net.everything((Encoder, Generator))}
        tree["state"] = None if net._simulation is None else net._simulation.snapshot()
    return tree


def with_suffix(path: str | Path) -> Path:
    """`path` with the suffix ``.spaic`` if it has none; another one than those of the formats is refused.

    Examples
    --------
    >>> with_suffix("lr0.1").name
    'lr0.1.spaic'
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == SUFFIX or kind in TEXTS:
        return path
    if kind and not kind[1:].isdigit():
        raise DataError(f"{path}: {path.suffix!r} is no format of networks; use {SUFFIX}, {', '.join(TEXTS)}, or no suffix")
    return path.with_name(path.name + SUFFIX)


def load(path: str | Path, device: str | None = None) -> Network:
    """The network that a file holds, ready to run or to train on.

    Parameters
    ----------
    path : str or Path
        A file of :func:`save`, of any of its formats.
    device : str, optional
        Where to put it; where it was by default.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not of this kind.
    """
    path = with_suffix(path)
    with reading(path):
        return _from_text(path, device) if path.suffix.lower() in TEXTS else _from_file(path, device)


def load_into(net: Network, path: str | Path, strict: bool = True) -> Mismatch:
    """Take over weights, learners and states from a file, all of it or nothing; see :meth:`spaic.Network.load`."""
    path = with_suffix(path)
    if path.suffix.lower() in TEXTS:
        raise DataError(f"{path}: it holds a declaration alone; give a {SUFFIX} file, or make a network of it with spaic.load")
    with reading(path):
        tree = read(path)
    return take_contents(net, tree, path, strict)


def take_contents(net: Network, tree: Mapping[str, Any], path: Path, strict: bool = True) -> Mismatch:
    """Take over what :func:`contents` gave, all of it or nothing; `path` is the file it was in, for messages."""
    net._built()
    _demand_same_settings(net, tree, path)
    shown, hidden = _by_visibility(net, tree["weights"])
    with kept_weights(net):
        mismatch = load_weights(net._built().store, shown, strict, str(path))
        if not mismatch:
            with reading(path):
                attach(net, hidden)
                take_over(net, tree, is_same=False)
    return mismatch


def weights(net: Network) -> dict[str, np.ndarray]:
    """Path -> value of everything a network has learned, in hidden parts too."""
    simulation = net._simulation
    found = {} if simulation is None else dict(simulation.store.learned())
    for element in net.everything():
        is_built = simulation is not None and id(element) in simulation.paths
        if element._learned is not None and not is_built:
            found.update({f"{element.path}.{k}": v for k, v in element._learned.values.items()})
    return found


def save_weights(state: Mapping[str, Any], path: str | Path) -> Path:
    """Write a state_dict to a file."""
    plain = {k: v.detach().cpu().numpy() if hasattr(v, "detach") else np.asarray(v) for k, v in state.items()}
    return _write(with_suffix(path), {"kind": KIND, "layout": LAYOUT, "made with": _versions(), "weights": plain}, 1)


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Path -> weight in a file."""
    if Path(path).suffix in (".pt", ".pth"):
        raise DataError(
            f"{path}: it is a file of torch.save, which holds Python code; load it yourself with "
            "torch.load(path, weights_only=True) and give the state_dict to net.load_state_dict"
        )
    path = with_suffix(path)
    with reading(path):
        return dict(read(path, is_whole=False)["weights"])


def read(path: str | Path, is_whole: bool = True) -> dict[str, Any]:
    """What a checkpoint holds, as plain data and arrays."""
    manifest, arrays = container.read(path)
    tree = codec.decode(manifest, arrays, str(path))
    demand_contents(tree, path, is_whole)
    return dict(tree)


def demand_contents(tree: Any, path: str | Path, is_whole: bool = True) -> None:
    """Refuse what :func:`contents` cannot have given."""
    if not isinstance(tree, dict) or tree.get("kind") != KIND:
        raise DataError(f"{path}: it is not a checkpoint of a network; give a file of net.save")
    _demand_layout(tree, path)
    demand_known(str(path), tree, _KEYS)
    if is_whole and not {"description", "built"} <= set(tree):
        raise DataError(f"{path}: it holds weights alone (net.save_state); declare the network and call net.state_from_dict(filename=...)")
    if is_whole:
        demand_parts(tree)
    if not isinstance(tree.get("weights"), dict) or not all(isinstance(v, np.ndarray) for v in tree["weights"].values()):
        raise DataError(f"{path}: its weights are not arrays by path; the file is damaged")


def _write(path: str | Path, tree: dict[str, Any], keep: int) -> Path:
    arrays: dict[str, np.ndarray] = {}
    manifest = codec.encode(tree, arrays, "")
    return container.write(path, manifest, arrays, keep)


def _versions() -> dict[str, str]:
    return {"spaic": VERSION, "torch": torch.__version__.partition("+")[0], "numpy": np.__version__}


def _from_text(path: Path, device: str | None) -> Network:
    tree = text.read_text(path)
    if tree.get("kind") != "spaic network":
        raise DataError(f"{path}: it does not describe a network ('kind' is {tree.get('kind')!r}); give a file of net.save")
    _demand_layout(tree, path)
    description = parsed({k: v for k, v in tree.items() if k not in ("kind", "layout")})
    _move(description, device, path)
    return rebuild(description)


def _from_file(path: Path, device: str | None) -> Network:
    tree = read(path)
    _move(tree["description"], device, path)
    net = rebuild(tree["description"])
    if tree["built"]:
        demand_sizes(net, tree["weights"])
    attach(net, tree["weights"])
    if tree["built"]:
        net.build()
    demand_all(net, tree["weights"])
    take_over(net, tree, is_same=True)
    return net


def _move(description: Any, device: str | None, path: Path) -> None:
    if device is None:
        return
    backend = description["network"].get("backend")
    if not isinstance(backend, dict):
        raise DataError(f"{path}: it names no backend that could be put on {device!r}; leave out device=, and call net.set_backend")
    backend["device"] = device


def _demand_layout(tree: Mapping[str, Any], path: str | Path) -> None:
    layout = tree.get("layout")
    if isinstance(layout, bool) or not isinstance(layout, int) or layout != LAYOUT:
        raise DataError(f"{path}: its layout is {layout!r}, this spaic reads {LAYOUT}; use a newer spaic")


def _demand_same_settings(net: Network, tree: Mapping[str, Any], path: Path) -> None:
    """Another seed or time step would give other random input or another course in time."""
    with reading(path):
        head = tree["description"]["network"]
        theirs = (head["seed"], (head.get("backend") or {}).get("dt", net.dt))
    for what, given, own in zip(("seed", "dt"), theirs, (net._seed, net.dt), strict=True):
        if given != own:
            raise StateError(f"{path}: it is of a network with {what} {given}, here it is {own}; declare the same, or use spaic.load")


def _by_visibility(net: Network, values: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Weights of what takes part (or is not here at all), and of what is hidden."""
    away = {e.path for e in net.everything() if not e.takes_part()}
    hidden = {p: v for p, v in values.items() if p.rpartition(".")[0] in away}
    return {p: v for p, v in values.items() if p not in hidden}, hidden


class Checkpoints:
    """The file format ``spaic``, as networks find it."""

    save = staticmethod(save)
    load = staticmethod(load)
    load_into = staticmethod(load_into)
    save_weights = staticmethod(save_weights)
    read_weights = staticmethod(read_weights)


registry.formats.add("spaic", Checkpoints)
