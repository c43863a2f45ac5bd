"""What ``spaic list`` shows: everything that can be named, by kind, with a line on what it is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import spaic
from spaic import registry
from spaic.Dynamics.presets import presets
from spaic.errors import UnknownName, nearest
from spaic.Learning.optimizer import optimizers
from spaic.Learning.schedule import schedules

#: Kinds that no registry holds under their own name -> what they hold.
_MORE: dict[str, Mapping[str, Any]] = {"optimizers": optimizers, "schedules": schedules}
#: Kinds whose names are classes of spaic itself.
_DATASETS = ("AND", "Boolean", "CustomDataset", "Digits", "FashionMNIST", "MNIST", "OR", "XOR", "YinYang")


class Entry(NamedTuple):
    """A name and what it stands for.

    Attributes
    ----------
    name : str
        How it is called.
    aliases : tuple of str
        Other spellings.
    summary : str
        What it is, in a line.
    """

    name: str
    aliases: tuple[str, ...]
    summary: str


def catalogue() -> dict[str, list[Entry]]:
    """Kind -> everything of that kind, by name."""
    kinds: dict[str, Mapping[str, Any]] = {k: v for k, v in vars(registry).items() if isinstance(v, registry.Registry)} | _MORE
    found = {kind: [_entry(name, names) for name in names] for kind, names in kinds.items()}
    named = [(model.name, preset) for model in registry.neurons.values() for preset in presets(model).values()]
    found["presets"] = [Entry(f"{model}: {preset.name}", (preset.name,), preset.summary) for model, preset in named]
    found["data sets"] = [Entry(n, (), summary_of(getattr(spaic.IO, n))) for n in _DATASETS if hasattr(spaic.IO, n)]
    return found


def _entry(name: str, names: Mapping[str, Any]) -> Entry:
    others = names.aliases(name) if isinstance(names, registry.Registry) else ()
    return Entry(name, tuple(sorted(others)), summary_of(names[name]))


def summary_of(item: Any) -> str:
    """The summary of a declaration, or the first sentence of a docstring, without markup."""
    text = getattr(item, "summary", "") or inspect.getdoc(item) or ""
    first = re.split(r"\n\s*\n|(?<=\.)\s+(?=[A-Z`])", text.strip(), maxsplit=1)[0]
    return " ".join(first.replace("``", "").replace("`", "").split())


def listing(word: str | None = None) -> str:
    """The lines of ``spaic list``.

    Parameters
    ----------
    word : str, optional
        A kind (``"neurons"``), whose names are shown with their aliases; or what to look for in names, aliases and summaries.

    Raises
    ------
    UnknownName
        If nothing is called so, with the nearest name.
    """
    kinds = catalogue()
    if word is None:
        return _text(kinds)
    kind = _kind(word, kinds)
    if kind is not None:
        return _text({kind: [_with_aliases(entry) for entry in kinds[kind]]})
    found = {k: _matches(word.strip().lower(), entries) for k, entries in kinds.items()}
    if not any(found.values()):
        names = [*kinds, *(n for entries in kinds.values() for entry in entries for n in (entry.name, *entry.aliases))]
        raise UnknownName(f"nothing is called {word!r}; {nearest(word, names)}")
    return _text({k: [_with_aliases(entry) for entry in entries] for k, entries in found.items()})


def _kind(word: str, kinds: Mapping[str, Any]) -> str | None:
    """The kind that a word means, in the singular or plural."""
    key = word.strip().lower().replace("_", " ")
    return next((kind for kind in kinds if key in (kind, kind.removesuffix("s"), kind.replace("data sets", "datasets"))), None)


def _matches(word: str, entries: list[Entry]) -> list[Entry]:
    """What has a word in its names, then what has it in its summary."""
    named = [e for e in entries if any(word in n.lower() for n in (e.name, *e.aliases))]
    return named + [e for e in entries if e not in named and word in e.summary.lower()]


def _with_aliases(entry: Entry) -> Entry:
    others = [a for a in entry.aliases if not entry.name.endswith(f": {a}")]
    return entry._replace(summary=entry.summary + (f" (also {', '.join(others)})" if others else ""))


def _text(kinds: Mapping[str, list[Entry]]) -> str:
    shown = {kind: entries for kind, entries in kinds.items() if entries}
    return "\n\n".join("\n".join([f"{kind} ({len(entries)})", *_lines(entries)]) for kind, entries in shown.items())


def _lines(entries: list[Entry]) -> list[str]:
    width = max(len(entry.name) for entry in entries)
    return [f"  {entry.name:<{width}}  {entry.summary}" for entry in entries]
