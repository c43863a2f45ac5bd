"""A training declared in a file: ``spaic train CONFIG``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from spaic.clock import Clock
from spaic.errors import DataError, SpaicError, StateError, reject_unknown
from spaic.IO import datasets
from spaic.IO.boundary import reading
from spaic.IO.checkpoint import load
from spaic.IO.checkpointing import Checkpoint
from spaic.IO.files import text
from spaic.IO.listing import parsed
from spaic.IO.loader import Dataloader
from spaic.IO.rebuilding import rebuild
from spaic.Learning.callbacks import EarlyStopping, all_callbacks
from spaic.Learning.history import History
from spaic.Learning.optimizer import optimizer_named
from spaic.Library import networks
from spaic.Network.network import Network

_KEYS = ("network", "backend", "threads", "data", "optimizer", "training", "checkpoint")
_TRAINING = ("epochs", "run_time", "early_stop")
_MOST_THREADS = 1024


def train(path: str | Path, resume: bool = False, progress: bool | None = None) -> tuple[Network, History]:
    """Carry out the training that a file declares.

    Parameters
    ----------
    path : str or Path
        A ``.yaml``, ``.json`` or ``.toml`` file; docs/tutorials/training.md lists its keys. Paths in it are relative to it.
    resume : bool
        Whether to go on from the checkpoint the file names. Without it a checkpoint that is there is not overwritten.
    progress : bool, optional
        Whether to show a progress bar; by default where somebody sees it: in a terminal or a notebook.

    Returns
    -------
    net : Network
        The trained network.
    history : History
        How it went.

    Raises
    ------
    DataError
        If the file is missing or does not declare a training, naming the key.
    StateError
        If there is a checkpoint already and `resume` is false, or none and it is true.
    """
    path = Path(path)
    config = text.read_text(path)
    _check(config, _KEYS, path, "")
    training = _part(config, "training", path)
    _check(training, _TRAINING, path, "training.")
    saved = _checkpoint(config, path)
    if resume != (saved is not None and saved.path.exists()):
        _refuse_start(path, saved, resume)
    if config.get("threads") is not None:
        threads = _number(config["threads"], path, "threads")
        if threads > _MOST_THREADS:
            raise DataError(f"{path}: threads is {threads}; give at most {_MOST_THREADS}")
        torch.set_num_threads(threads)
    train_data, test_data = _data(_part(config, "data", path), path)
    net = load(saved.path) if resume and saved is not None else _network(config, path, train_data)
    stop = training.get("early_stop")
    if isinstance(stop, Mapping):
        _check(stop, ("monitor", "patience", "min_delta", "restore_best"), path, "training.early_stop.")
    with _about(path, "training.early_stop"):
        early_stop = EarlyStopping(**stop) if isinstance(stop, Mapping) else stop
        all_callbacks((), early_stop, test_data is not None)
    run_time = training.get("run_time")
    if run_time is not None:
        with _about(path, "training.run_time"):
            Clock(net.dt).steps(run_time, "net.fit")
    history = net.fit(
        train_data,
        _number(training.get("epochs", 1), path, "training.epochs"),
        run_time,
        test=test_data,
        progress=progress,
        callbacks=[] if saved is None else [saved],
        early_stop=early_stop,
        resume=resume,
    )
    return net, history


def _network(config: Mapping[str, Any], path: Path, data: Dataloader) -> Network:
    """A description in the file, a file with one, a checkpoint to start from, or a network of the Library with its options."""
    given = config.get("network")
    if isinstance(given, str) and Path(given).suffix:
        net = load(path.parent / given)
    elif isinstance(given, str) or (isinstance(given, Mapping) and "name" in given and "elements" not in given):
        net = _of_library(given, path, data)
    elif isinstance(given, Mapping):
        with reading(path):
            net = rebuild(parsed(given))
    else:
        raise DataError(f"{path}: network is {given!r}; give a file, the name of a network of spaic.Library, or a description")
    backend = dict(_part(config, "backend", path))
    _check(backend, ("name", "device", "dt", "dtype"), path, "backend.")
    if backend:
        with _about(path, "backend"):
            net.set_backend(backend.pop("name", "torch"), **backend)
    if config.get("optimizer") is not None:
        options = dict(_part(config, "optimizer", path))
        if "name" not in options:
            raise DataError(f"{path}: optimizer.name is missing; name one, such as Adam")
        with _about(path, "optimizer"):
            declared = optimizer_named(**options)
        for old in [n for n, m in net._members.items() if type(m).__name__ == "Optimizer"]:
            delattr(net, old)
        setattr(net, "optim", declared)  # noqa: B010  an attachment, not an attribute
    return net


def _of_library(given: Any, path: Path, data: Dataloader) -> Network:
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name")
    known = {n: getattr(networks, n) for n in networks.__all__}
    reject_unknown(f"{path}: network", [name], known, "network of the Library")
    if "data" in inspect.signature(known[name].__init__).parameters:
        options.setdefault("data", data)  # it takes the size of its input from them
    try:
        made: Network = known[name](**options)
    except (SpaicError, TypeError) as error:
        raise DataError(f"{path}: network: {error}") from None
    return made


def _data(data: Mapping[str, Any], path: Path) -> tuple[Any, Any]:
    """Loaders of the training and the test data."""
    _check(data, ("dataset", "root", "batch_size", "shuffle", "seed", "test", "options"), path, "data.")
    name = data.get("dataset")
    known = {n: getattr(datasets, n) for n in datasets.__all__ if isinstance(getattr(datasets, n), type)}
    reject_unknown(f"{path}: data.dataset", [str(name)], known, "data set")
    options = dict(_part(data, "options", path, "data."))
    if data.get("root") is not None:
        if not isinstance(data["root"], str):
            raise DataError(f"{path}: data.root is {data['root']!r}; give the path of a folder")
        options["root"] = path.parent / data["root"]
    size = _number(data.get("batch_size", 100), path, "data.batch_size")
    try:
        train_set = known[str(name)](is_train=True, **options)
        test_set = known[str(name)](is_train=False, **options) if _flag(data, "test", True, path) else None
    except TypeError as error:
        raise DataError(f"{path}: data.options {options} do not fit {name} ({error}); correct them") from None
    loader = Dataloader(
        train_set, size, shuffle=_flag(data, "shuffle", True, path), seed=_number(data.get("seed", 0), path, "data.seed", 0)
    )
    return loader, None if test_set is None else Dataloader(test_set, size)


def _checkpoint(config: Mapping[str, Any], path: Path) -> Checkpoint | None:
    given = config.get("checkpoint")
    if given is None:
        return None
    options = {"file": given} if isinstance(given, str) else dict(_part(config, "checkpoint", path))
    _check(options, ("file", "every", "keep"), path, "checkpoint.")
    if "file" not in options:
        raise DataError(f"{path}: checkpoint.file is missing; name the file, such as run.spaic")
    file = options.pop("file")
    if not isinstance(file, str) or not file or (path.parent / file).is_dir():
        raise DataError(f"{path}: checkpoint.file is {file!r}; give the name of a file, such as run.spaic")
    with _about(path, "checkpoint"):
        return Checkpoint(path.parent / file, **options)


def _refuse_start(path: Path, saved: Checkpoint | None, resume: bool) -> None:
    if saved is None:
        raise StateError(f"{path}: there is no checkpoint to resume from; add 'checkpoint: run.spaic' and train without --resume first")
    if resume:
        raise StateError(f"{saved.path}: there is no checkpoint to resume from; train without --resume first")
    raise StateError(f"{saved.path}: there is a checkpoint already; go on from it with --resume, or remove it")


@contextmanager
def _about(path: Path, key: str) -> Iterator[None]:
    """Name file and key in an error about a value."""
    try:
        yield
    except (SpaicError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {key}: {error}") from error


def _part(config: Mapping[str, Any], key: str, path: Path, above: str = "") -> Mapping[str, Any]:
    given = {} if config.get(key) is None else config[key]
    if not isinstance(given, Mapping):
        raise DataError(f"{path}: {above}{key} is {given!r}; give a mapping")
    return given


def _check(given: Mapping[str, Any], known: tuple[str, ...], path: Path, above: str) -> None:
    try:
        reject_unknown(f"{path}", [f"{above}{key}" for key in given], [f"{above}{key}" for key in known], "key")
    except SpaicError as error:
        raise DataError(str(error)) from None


def _flag(data: Mapping[str, Any], key: str, default: bool, path: Path) -> bool:
    given = data.get(key, default)
    if not isinstance(given, bool):
        raise DataError(f"{path}: data.{key} is {given!r}; give true or false")
    return given


def _number(given: Any, path: Path, key: str, least: int = 1) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise DataError(f"{path}: {key} is {given!r}; give a whole number from {least}")
    return given
