"""What a checkpoint holds, and where two of them differ, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spaic.errors import DataError
from spaic.IO.boundary import reading
from spaic.IO.checkpoint import SUFFIX, TEXTS, read


def inspect(path: str | Path) -> str:
    """What is in a file of ``net.save`` or ``net.save_state``, for ``spaic inspect``.

    Raises
    ------
    DataError
        If the file is missing, damaged, or of another kind.
    """
    with reading(path):
        return _described(path, _checkpoint(path))


def _described(path: str | Path, tree: Mapping[str, Any]) -> str:
    lines = [f"{path}: {Path(path).stat().st_size:,} bytes, written by {_versions(tree)}, intact (SHA-256)"]
    description = tree.get("description")
    if description is not None:
        lines += _about_network(description)
    else:
        lines.append("weights alone")
    lines += ["", "weights", *_table([(p, str(v.dtype), _shape(v), _spread(v)) for p, v in tree["weights"].items()])]
    lines += _about_training(tree)
    return "\n".join(lines)


def diff(a: str | Path, b: str | Path) -> str:
    """Where two files differ, for ``spaic diff``; empty if they hold the same.

    Raises
    ------
    DataError
        If a file is missing, damaged, or of another kind.
    """
    with reading(a):
        one = _comparable(_checkpoint(a))
    with reading(b):
        other = _comparable(_checkpoint(b))
    return "\n".join(_differences("", one, other))


def _checkpoint(path: str | Path) -> dict[str, Any]:
    if Path(path).suffix.lower() in TEXTS:
        raise DataError(f"{path}: it is a description in text, made to be read as it is; give a {SUFFIX} file")
    return read(path, is_whole=False)


def _versions(tree: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in tree.get("made with", {}).items())


def _comparable(tree: Mapping[str, Any]) -> dict[str, Any]:
    """What counts, elements by path; the times that a training took do not."""
    found = {k: v for k, v in tree.items() if k not in ("made with", "progress")}
    if "description" in found:
        description = dict(found["description"])
        description["elements"] = {e["path"]: e for e in description["elements"]}
        found["description"] = description
    progress = tree.get("progress")
    if progress is not None:
        found["progress"] = {k: progress[k] for k in ("epoch", "batch", "runs")}
    return found


def _differences(path: str, a: Any, b: Any) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(k for k in b if k not in a)]:
            name = f"{path}.{key}" if path else str(key)
            if key not in b:
                yield f"- {name}: {_brief(a[key])}"
            elif key not in a:
                yield f"+ {name}: {_brief(b[key])}"
            else:
                yield from _differences(name, a[key], b[key])
    elif _is_array(a) and _is_array(b):
        yield from _array_difference(path, np.asarray(a), np.asarray(b))
    elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _differences(f"{path}[{i}]", x, y)
    elif type(a) is not type(b) or repr(a) != repr(b):  # NaN is NaN, and -0.0 is not 0.0
        yield f"~ {path}: {_brief(a)} -> {_brief(b)}"


def _array_difference(path: str, a: np.ndarray, b: np.ndarray) -> Iterator[str]:
    if a.shape != b.shape or a.dtype != b.dtype:
        yield f"~ {path}: {a.dtype} {_shape(a)} -> {b.dtype} {_shape(b)}"
    elif a.tobytes() != b.tobytes():
        yield f"~ {path}: {_how_far(np.atleast_1d(a), np.atleast_1d(b))}"


def _how_far(a: np.ndarray, b: np.ndarray) -> str:
    """How many values differ, bit by bit, and by how much."""
    bits = [np.ascontiguousarray(x).view(np.uint8).reshape(*x.shape, x.dtype.itemsize) for x in (a, b)]
    changed = (bits[0] != bits[1]).any(axis=-1)
    before, after = a[changed].astype(np.float64), b[changed].astype(np.float64)
    number = int(changed.sum())
    count = f"{number:,} of {a.size:,} {'value' if a.size == 1 else 'values'} {'differs' if number == 1 else 'differ'}"
    finite = np.isfinite(before) & np.isfinite(after)
    largest = float(np.max(np.abs(before[finite] - after[finite]))) if finite.any() else 0.0
    others = "" if finite.all() and largest > 0 else "in NaN, infinity or sign"
    return ", ".join(part for part in (count, f"by at most {largest:.3g}" if largest > 0 else "", others) if part)


def _about_network(description: Mapping[str, Any]) -> list[str]:
    head, elements = description["network"], description["elements"]
    backend = head.get("backend")
    where = "no backend" if backend is None else f"{backend['name']} on {backend['device']}, dt {backend['dt']:g} ms, {backend['dtype']}"
    rows = [(e["path"], e["kind"], _about(e), "hidden" if e.get("hidden") else "") for e in elements]
    return [f"network {head['name'] or ''}, seed {head['seed']}, {where}".replace(" ,", ","), "", "elements", *_table(rows)]


def _about(element: Mapping[str, Any]) -> str:
    if element["kind"] == "neurongroup":
        return f"{element['model']} {element.get('shape') or element.get('num')}"
    if "pre" in element:
        return f"{element['pre']} -> {element['post']}"
    if element["kind"] == "learner":
        return str(element.get("algorithm", ""))
    if element["kind"] == "optimizer":
        return f"{element.get('name')}, lr {element.get('lr')}"
    code = element.get("code")
    target = element.get("target")
    return f"{code['name'] if isinstance(code, dict) else element.get('class', '')}{f' of {target}' if target else ''}"


def _about_training(tree: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    state, progress = tree.get("state"), tree.get("progress")
    if progress is not None:
        lines.append(f"training: {_counted(progress['epoch'], 'epoch')} and {_counted(progress['batch'], 'batch', 'batches')} done")
    if state is not None and state.get("state") is not None:
        last = state["state"]
        lines.append(f"neuron states of run {last['run']} after {_counted(last['step'], 'step')}, batch of {last['batch']}")
    return ["", *lines] if lines else []


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return ["  none"]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _shape(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape)) or "number"


def _spread(array: np.ndarray) -> str:
    if array.size == 0 or array.dtype.kind not in "fiub":
        return ""
    return f"mean {array.mean():.4g}, from {array.min():.4g} to {array.max():.4g}"


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "detach")


def _brief(value: Any) -> str:
    text = f"{value.dtype} {_shape(np.asarray(value))}" if _is_array(value) else repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
