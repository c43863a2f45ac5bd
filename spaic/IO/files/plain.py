"""Plain data, which is what JSON can hold: checked on the way in and on the way out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from spaic.errors import DataError

#: Levels of nesting. Python's parser stops near 1,000, whoever walks the tree afterwards should not have to.
MAX_DEPTH = 256
#: Digits of a whole number; the time to read one grows with their square.
MAX_DIGITS = 1000

_SEARCHED = 1 << 20  # characters of text in which to look for the place of a mistake
_LARGEST = 10**MAX_DIGITS - 1
_WORD = re.compile(r"[\w.\-/:+]{1,80}")
_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<key>\s*:)?|(?P<open>[{\[])|(?P<close>[}\]])|(?P<number>[\w.+\-]+)', re.DOTALL)


def child(path: str, key: object) -> str:
    """The path of an entry: ``a.b`` below a name, ``a[0]`` below anything else.

    Examples
    --------
    >>> child("optimizer", "lr"), child("groups", 0), child("", "layer1.weight"), child("a", "two words")
    ('optimizer.lr', 'groups[0]', 'layer1.weight', "a['two words']")
    """
    if isinstance(key, str) and _WORD.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{brief(key)}]"


def brief(value: object) -> str:
    """At most 60 characters that tell what `value` is."""
    try:
        shown = repr(value[:60] if isinstance(value, str) else value)
    except ValueError:  # Python does not write out whole numbers of many thousand digits
        shown = f"a {type(value).__name__} too long to show"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def check(tree: Any, path: str, max_depth: int = MAX_DEPTH) -> None:
    """Refuse what JSON cannot give back exactly as it is.

    Parameters
    ----------
    tree : dict, list, str, int, float, bool or None
        Nested dictionaries with text as keys, and lists; no subclasses of these.
    path : str
        Where the tree is, for the message.
    max_depth : int
        How many levels may be nested.

    Raises
    ------
    DataError
        Naming the path of the first entry that is something else, NaN or infinite, or nested deeper.
    """
    kind = type(tree)
    if kind is dict or kind is list:
        if max_depth <= 0:
            _refuse(path, "the nesting is too deep, or goes round in a circle", "flatten it")
        for key, value in tree.items() if kind is dict else enumerate(tree):
            if kind is dict:
                _check_text(key, path, "a key")
            check(value, child(path, key), max_depth - 1)
    elif kind is float:
        if not math.isfinite(tree):
            _refuse(path, f"{tree} cannot be stored as a number here", "leave it out")
    elif kind is int:
        if abs(tree) > _LARGEST:
            _refuse(path, f"the number has more than {MAX_DIGITS} digits", "store it as text")
    elif tree is not None and kind is not bool:
        _check_text(tree, path, "a value")


def dumps(tree: Any, indent: int) -> str:
    """JSON text of a tree that :func:`check` has passed."""
    return json.dumps(tree, indent=indent, ensure_ascii=False, allow_nan=False)


def loads(text: str, path: str, advice: str, max_depth: int = MAX_DEPTH) -> Any:
    """The tree in a JSON text, read strictly.

    Parameters
    ----------
    text : str
        The whole text.
    path, advice : str
        What is read, and what to do about a mistake, for the message.
    max_depth : int
        How many levels may be nested.

    Raises
    ------
    DataError
        Naming line and column of a mistake, a repeated key, NaN or infinity, an endless number or too deep nesting.

    Examples
    --------
    >>> loads('{"a": [1, 2.5, null]}', "here", "mend it")
    {'a': [1, 2.5, None]}
    >>> loads('{"a": 1, "a": 2}', "here", "mend it")
    Traceback (most recent call last):
    spaic.errors.DataError: here: line 1, column 10: the key 'a' is there twice; mend it
    """
    try:
        tree = json.loads(text, object_pairs_hook=_distinct, parse_constant=_number, parse_float=_number, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; {advice}") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested deeper than {max_depth} levels; {advice}") from error
    except _Refusal as error:
        found = next(_faults(text), None) if len(text) <= _SEARCHED else None
        fault = f"{place(text, found[1])}: {found[0]}" if found else str(error)
        raise DataError(f"{path}: {fault}; {advice}") from error
    if _is_deeper(tree, max_depth):
        raise DataError(f"{path}: nested deeper than {max_depth} levels; {advice}")
    return tree


def place(text: str, offset: int) -> str:
    """Line and column of a position in `text`, as people count them."""
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - text.rfind(chr(10), 0, offset)}"


class _Refusal(ValueError):
    """Something that Python's parser would accept."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refusal("a key is there twice")
    return found


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refusal(f"{brief(text)} is not a finite number")
    return value


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise _Refusal(f"a number has more than {MAX_DIGITS} digits")
    return int(text)


def _faults(text: str) -> Iterator[tuple[str, int]]:
    """What the hooks refuse and where it stands, which they are not told."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        if token["open"]:
            keys.append(set())
        elif token["close"]:
            keys.pop()
        elif token["key"]:
            key = json.loads(token["text"]) if "\\" in token["text"] else token["text"][1:-1]
            if key in keys[-1]:
                yield f"the key {brief(key)} is there twice", token.start()
            keys[-1].add(key)
        elif token["number"] and token["number"] not in ("true", "false", "null"):
            try:
                (_integer if token["number"].lstrip("-").isdecimal() else _number)(token["number"])
            except ValueError as error:
                yield str(error), token.start()


def _is_deeper(tree: Any, limit: int) -> bool:
    level = [tree]
    for _ in range(limit + 1):
        level = [node for node in level if isinstance(node, (dict, list))]
        if not level:
            return False
        level = [entry for node in level for entry in (node.values() if isinstance(node, dict) else node)]
    return True


def _check_text(value: object, path: str, what: str) -> None:
    if type(value) is not str:
        kind = type(value).__name__
        _refuse(path, f"{what} is of type {kind}: {brief(value)}", "give dict, list, str, int, float, bool or None; keys must be text")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(path, f"{what} is not valid Unicode: {brief(value)}", "replace the lone surrogates in it")


def _refuse(path: str, fault: str, advice: str) -> NoReturn:
    raise DataError(f"{path}: {fault}; {advice}")
