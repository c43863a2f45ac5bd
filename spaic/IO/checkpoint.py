"""A whole network in one file: written, read back, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spaic import registry
from spaic.errors import DataError, SpaicError, StateError
from spaic.IO.description import describe
from spaic.IO.files import codec, container, text
from spaic.IO.rebuilding import rebuild
from spaic.Learning.learner import Learner
from spaic.Learning.progress import Progress
from spaic.Network.container import Container
from spaic.Network.learned import Learned
from spaic.Network.network import Network
from spaic.Network.node import Encoder, Generator
from spaic.Network.weights import Mismatch, load_weights
from spaic.version import VERSION

#: What a file holds is called by this name; another number means another layout.
KIND, LAYOUT = "spaic checkpoint", 1

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
        return text.write_text(path, {"kind": "spaic network", "layout": LAYOUT, **_listed(describe(net))})
    if net._simulation is not None:
        net._built()
    tree: dict[str, Any] = {
        "kind": KIND,
        "layout": LAYOUT,
        "made with": _versions(),
        "description": describe(net),
        "weights": weights(net),
        "built": net._simulation is not None,
    }
    if training:
        tree["learners"] = {k.path: k.state_dict() for k in net.everything(Learner)} if net._simulation is not None else {}
        tree["progress"] = None if net._progress is None else net._progress.state()
    if state:
        tree["sources"] = {node.path: node.source for node in net.everything((Encoder, Generator))}
        tree["state"] = None if net._simulation is None else net._simulation.snapshot()
    return _write(path, tree, keep)


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
    if path.suffix.lower() in TEXTS:
        tree = text.read_text(path)
        if tree.get("kind") != "spaic network":
            raise DataError(f"{path}: it does not describe a network ('kind' is {tree.get('kind')!r}); give a file of net.save")
        return rebuild(parsed(tree))
    tree = read(path)
    _move(tree, device)
    net = rebuild(tree["description"])
    _attach(net, tree["weights"], path)
    if tree["built"]:
        net.build()
    _demand_all(net, tree["weights"], path)
    _take_over(net, tree, path)
    return net


def load_into(net: Network, path: str | Path, strict: bool = True) -> Mismatch:
    """Take over weights, learners and states from a file; see :meth:`spaic.Network.load`."""
    tree = read(with_suffix(path))
    mismatch = load_weights(net._built().store, tree["weights"], strict, str(path))
    if not mismatch:
        _take_over(net, tree, path)
    return mismatch


def weights(net: Network) -> dict[str, np.ndarray]:
    """Path -> value of everything a network has learned, in hidden parts too."""
    found = {} if net._simulation is None else dict(net._simulation.store.learned())
    for element in net.everything():
        if element._learned is not None:
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
    return dict(read(with_suffix(path), is_whole=False)["weights"])


def read(path: str | Path, is_whole: bool = True) -> dict[str, Any]:
    """What a checkpoint holds, as plain data and arrays."""
    manifest, arrays = container.read(path)
    tree = codec.decode(manifest, arrays, str(path))
    if not isinstance(tree, dict) or tree.get("kind") != KIND:
        raise DataError(f"{path}: it is not a checkpoint of a network; give a file of net.save")
    if tree.get("layout") != LAYOUT:
        raise DataError(f"{path}: its layout is {tree.get('layout')!r}, this spaic reads {LAYOUT}; use a newer spaic")
    if is_whole and not {"description", "built"} <= set(tree):
        raise DataError(f"{path}: it holds weights alone (net.save_state); declare the network and call net.state_from_dict(filename=...)")
    if not isinstance(tree.get("weights"), dict) or not all(isinstance(v, np.ndarray) for v in tree["weights"].values()):
        raise DataError(f"{path}: its weights are not arrays by path; the file is damaged")
    return tree


def _write(path: str | Path, tree: dict[str, Any], keep: int) -> Path:
    arrays: dict[str, np.ndarray] = {}
    manifest = codec.encode(tree, arrays, "")
    return container.write(path, manifest, arrays, keep)


def _versions() -> dict[str, str]:
    return {"spaic": VERSION, "torch": torch.__version__.partition("+")[0], "numpy": np.__version__}


def _move(tree: dict[str, Any], device: str | None) -> None:
    backend = tree["description"].get("network", {}).get("backend")
    if device is not None and isinstance(backend, dict):
        backend["device"] = device


def _attach(net: Network, values: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Let every element carry its weights into the next build."""
    elements = {e.path: e for e in net.everything()}
    for name, value in values.items():
        owner, _, parameter = name.rpartition(".")
        if owner not in elements:
            raise DataError(f"{path}: the weight {name!r} belongs to no element of the network; the file is damaged")
        element = elements[owner]
        if element._learned is None:
            object.__setattr__(element, "_learned", Learned(-1))
        element._learned.values[parameter] = value


def _demand_all(net: Network, values: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Every weight of the file has found its place."""
    if net._simulation is None:
        return
    own = net._simulation.store.learned()
    active = {e.path for e in net.members() if not isinstance(e, Container)}
    given = {p: v for p, v in values.items() if p.rpartition(".")[0] in active}
    mismatch = Mismatch(
        tuple(p for p in own if p not in given),
        tuple(p for p in given if p not in own),
        tuple(f"{p} {v.shape}, needed {own[p].shape}" for p, v in given.items() if p in own and own[p].shape != v.shape),
    )
    if mismatch:
        raise DataError(f"{path}: weights and network do not fit ({mismatch}); the file is damaged")


def _take_over(net: Network, tree: Mapping[str, Any], path: str | Path) -> None:
    """Learners, states and the position in a training."""
    learners = {k.path: k for k in net.everything(Learner)}
    try:
        for name, saved in tree.get("learners", {}).items():
            if name not in learners:
                raise StateError(f"{name}: the network has no such learner")
            if saved is not None:
                learners[name].load_state_dict(saved)
        if tree.get("progress") is not None:
            object.__setattr__(net, "_progress", Progress.from_state(tree["progress"]))
        sources = {node.path: node for node in net.everything((Encoder, Generator))}
        for name, data in tree.get("sources", {}).items():
            sources[name].source, sources[name].is_new = data, data is not None
        if tree.get("state") is not None:
            net._built().restore(tree["state"])
    except SpaicError as error:
        raise DataError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: its training state is not complete ({type(error).__name__}: {error}); the file is damaged") from error


def _listed(value: Any) -> Any:
    """Arrays as nested lists, for text."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(v) for v in value] if isinstance(value, list) else value


def parsed(value: Any) -> Any:
    """A description read from text: its lists under ``array`` as arrays."""
    if isinstance(value, dict):
        return np.asarray(value["array"], dtype=np.float64) if list(value) == ["array"] else {k: parsed(v) for k, v in value.items()}
    return [parsed(v) for v in value] if isinstance(value, list) else value


class Checkpoints:
    """The file format ``spaic``, as networks find it."""

    save = staticmethod(save)
    load = staticmethod(load)
    load_into = staticmethod(load_into)
    save_weights = staticmethod(save_weights)
    read_weights = staticmethod(read_weights)


registry.formats.add("spaic", Checkpoints)
