"""YAML as spaic reads and writes it: plain data only, under the core schema of YAML 1.2.

PyYAML splits the text into events; what they mean is decided here. Its own loaders follow YAML 1.1, to which ``1e-3``
is text, ``no`` is a truth value and ``2:30`` is 150, and expand aliases, by which ten lines can fill a memory.

Source: YAML 1.2.2, section 10.3.2.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NoReturn

from spaic.errors import DataError, UnsupportedError
from spaic.IO.files.plain import MAX_DIGITS, brief

_NULL = ("", "~", "null", "Null", "NULL")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIRECTIVE = re.compile(r"^%.*", re.MULTILINE)


def loads(text: str, path: str, max_depth: int) -> Any:
    """The tree in a YAML text; an empty text is None.

    Parameters
    ----------
    text : str
        One document.
    path : str
        What is read, for the message.
    max_depth : int
        How many levels may be nested.

    Raises
    ------
    DataError
        Naming line and column of a mistake, and of aliases, anchors, tags, directives, second documents, repeated keys,
        keys that are not text, and numbers that are not finite.
    """
    yaml = _yaml(path)
    builder = _Builder(yaml, path, max_depth)
    directive = _DIRECTIVE.search(text)
    if directive:
        line = text.count("\n", 0, directive.start()) + 1
        raise DataError(f"{path}: line {line}: {brief(directive[0])} begins like a directive, which is not read; remove or indent it")
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DataError(f"{path}: {_place(mark)}: {error.problem or error.context}; correct the YAML there") from error
    except yaml.YAMLError as error:  # a character that no YAML text may have
        raise DataError(f"{path}: {' '.join(str(error).split())}; remove that character") from error
    return builder.tree


def dumps(tree: Any, path: str) -> str:
    """YAML text of plain data, which readers of YAML 1.1 understand alike."""
    yaml = _yaml(path)
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(tree, yaml, yaml.resolver.Resolver()),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    return str(yaml.emit(events, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True, width=120))


def scalar(text: str) -> Any:
    """What a plain scalar means.

    Raises
    ------
    ValueError
        If it is NaN, infinite or of too many digits.

    Examples
    --------
    >>> [scalar(text) for text in ("1e-3", "7", "0x1f", "true", "no", "~", "2:30", "1_000")]
    [0.001, 7, 31, True, 'no', None, '2:30', '1_000']
    """
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > MAX_DIGITS:
            raise ValueError(f"a number has more than {MAX_DIGITS} digits")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{brief(text)} is not a finite number")
    return text


class _Builder:
    """Builds the tree from events, without recursion."""

    def __init__(self, yaml: ModuleType, path: str, max_depth: int) -> None:
        self.tree: Any = None
        self._yaml = yaml
        self._path = path
        self._max_depth = max_depth
        self._documents = 0
        self._open: list[Any] = []  # dictionaries and lists, outermost first
        self._keys: list[str | None] = []  # of each, the key that waits for its value

    def take(self, event: Any) -> None:
        """The next event."""
        yaml = self._yaml
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._refuse(event, f"the anchor or alias {brief(event.anchor)} is not read", "write the value out")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, f"the tag {brief(event.tag)} is not read", "write the plain value")
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "a second document begins", "put it into another file")
        elif isinstance(event, yaml.ScalarEvent):
            self._put(self._meaning(event), event)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) >= self._max_depth:
                self._refuse(event, f"nested deeper than {self._max_depth} levels", "flatten it")
            found: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(found, event)
            self._open.append(found)
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()

    def _meaning(self, event: Any) -> Any:
        if not event.implicit[0]:  # quoted, or a block of text
            return event.value
        try:
            return scalar(event.value)
        except ValueError as error:
            self._refuse(event, str(error), "write another number")

    def _put(self, value: Any, event: Any) -> None:
        if not self._open:
            self.tree = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(value, event)
        else:
            self._open[-1][self._keys[-1]] = value
            self._keys[-1] = None

    def _key(self, key: Any, event: Any) -> str:
        if not isinstance(key, str):
            self._refuse(event, f"the key {brief(key)} is not text", "write it in quotes")
        if key in self._open[-1]:
            self._refuse(event, f"the key {brief(key)} is there twice", "remove one of them")
        return key

    def _refuse(self, event: Any, fault: str, advice: str) -> NoReturn:
        raise DataError(f"{self._path}: {_place(event.start_mark)}: {fault}; {advice}")


def _events(tree: Any, yaml: ModuleType, resolver: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=not tree)
        for key, value in tree.items():
            yield from _events(key, yaml, resolver)
            yield from _events(value, yaml, resolver)
        yield yaml.MappingEndEvent()
    elif isinstance(tree, list):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=not any(isinstance(entry, (dict, list)) for entry in tree))
        for entry in tree:
            yield from _events(entry, yaml, resolver)
        yield yaml.SequenceEndEvent()
    elif isinstance(tree, str):
        yield yaml.ScalarEvent(None, None, (True, True), tree, style=None if _stays_text(tree, yaml, resolver) else '"')
    else:
        yield yaml.ScalarEvent(None, None, (True, True), _number(tree))


def _stays_text(text: str, yaml: ModuleType, resolver: Any) -> bool:
    """Whether a text may go without quotes, also for readers of YAML 1.1."""
    try:
        own = scalar(text)
    except ValueError:
        return False
    return own == text and resolver.resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str" and "\n" not in text


def _number(value: float | int | bool | None) -> str:
    if isinstance(value, float):
        shown = repr(value)
        return shown.replace("e", ".0e") if "e" in shown and "." not in shown else shown
    return "null" if value is None else str(value).lower()


def _place(mark: Any) -> str:
    return "somewhere" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"


def _yaml(path: str) -> ModuleType:
    try:
        return importlib.import_module("yaml")  # it may be missing, and has no type hints
    except ImportError as error:
        raise UnsupportedError(f"{path}: YAML needs the package PyYAML; run pip install pyyaml, or use .json") from error
