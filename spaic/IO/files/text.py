"""Readable files of plain data, such as descriptions of networks and settings of trainings: JSON, YAML and TOML.

They may come from anywhere, so a file can neither run code nor grow beyond its length: no tags, no aliases, a limit on
length and depth. What could be read in two ways (a key given twice, NaN) is refused with its place.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaic.errors import DataError, SpaicError, UnsupportedError, nearest
from spaic.IO.files import plain, yaml_text
from spaic.IO.files.atomic import as_path, replacing

MAX_DEPTH = 64
#: Bytes that a file may have.
MAX_LENGTH = {".json": 4 << 20, ".toml": 4 << 20, ".yaml": 1 << 20, ".yml": 1 << 20}

# A key of n parts costs Python's TOML reader n*n: find keys of more than 32.
_LONG_KEY = re.compile(r"""(?<![\w\\.-])(?<!\.[ \t])(?:(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*){32}""", re.ASCII)


def read_text(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The plain data in a ``.json``, ``.yaml``, ``.yml`` or ``.toml`` file.

    Parameters
    ----------
    path : str or Path
        A file of UTF-8 text that holds one mapping. JSON and TOML may have 4 MiB, YAML 1 MiB, each 64 levels.

    Returns
    -------
    dict
        Of dict with keys of text, list, str, int, float, bool and None.

    Raises
    ------
    DataError
        If the file is missing, too large, not valid, or holds anything else: with line and column where it is known.
    UnsupportedError
        For TOML before Python 3.11, and for YAML without PyYAML.

    Notes
    -----
    YAML is read by the core schema of version 1.2: ``1e-3`` is a number, ``yes``, ``no``, ``on`` and ``off`` are text.
    """
    source = as_path(path)
    parse = _known(source, _READERS)
    tree = parse(_content(source), str(source))
    if not isinstance(tree, dict):
        held = "nothing" if tree is None else plain.brief(tree)
        raise DataError(f"{source}: holds {held}; a mapping of names to values must be there")
    return tree


def write_text(path: str | os.PathLike[str], tree: dict[str, Any]) -> Path:
    """Write plain data to a ``.json``, ``.yaml`` or ``.yml`` file, from which :func:`read_text` gives exactly the same.

    Parameters
    ----------
    path : str or Path
        The file, which is replaced in one step. Its folder must be there.
    tree : dict
        Of dict with keys of text, list, str, int, float, bool and None.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    DataError
        Naming the path inside `tree` of what is something else, or if the file cannot be written.
    UnsupportedError
        For TOML, which is only read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_text(f"{folder}/net.yaml", {"tau_m": 1e-3, "shape": [28, 28], "model": "lif", "answer": "no"})
    ...     print(path.read_text(), read_text(path)["answer"])
    tau_m: 0.001
    shape: [28, 28]
    model: lif
    answer: "no"
     no
    """
    target = as_path(path)
    if target.suffix.lower() == ".toml":
        raise UnsupportedError(f"{target}: TOML is only read; write .json or .yaml")
    dump = _known(target, _WRITERS)
    if type(tree) is not dict:
        raise DataError(f"{target}: {plain.brief(tree)} is not a dictionary; give a mapping of names to values")
    plain.check(tree, f"{target}: tree", MAX_DEPTH)
    text = dump(tree, str(target))
    content = text.encode("utf-8")
    _check_length(len(content), target)
    if repr(_READERS[target.suffix.lower()](text, str(target))) != repr(tree):  # tells 1 from 1.0 and keeps the order
        raise DataError(f"{target}: this tree would not be read back as it is; write it as .json")
    with replacing(target) as stream:
        stream.write(content)
    return target


def _content(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise DataError(f"{path}: is not a regular file; give a file of text")
        with path.open("rb") as stream:
            content = stream.read(MAX_LENGTH[path.suffix.lower()] + 1)
    except SpaicError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    _check_length(len(content), path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from error


def _check_length(length: int, path: Path) -> None:
    limit = MAX_LENGTH[path.suffix.lower()]
    if length > limit:
        raise DataError(f"{path}: has more than {limit} bytes; put large arrays into a .spaic file")


def _read_json(text: str, path: str) -> Any:
    return plain.loads(text, path, "correct the JSON there", MAX_DEPTH)


def _read_yaml(text: str, path: str) -> Any:
    return yaml_text.loads(text, path, MAX_DEPTH)


def _read_toml(text: str, path: str) -> Any:
    if sys.version_info < (3, 11):
        raise UnsupportedError(f"{path}: TOML needs Python 3.11; use .yaml or .json")
    import tomllib

    long = _LONG_KEY.search(text)
    if long:
        raise DataError(f"{path}: {plain.place(text, long.start())}: a key of more than 32 parts; shorten it")
    try:
        tree = tomllib.loads(text)
    except RecursionError as error:
        raise DataError(f"{path}: nested deeper than {MAX_DEPTH} levels; flatten it") from error
    except ValueError as error:  # also a number of too many digits
        raise DataError(f"{path}: {error}; correct the TOML there") from error
    plain.check(tree, f"{path}: content", MAX_DEPTH)
    return tree


def _write_json(tree: dict[str, Any], path: str) -> str:
    return plain.dumps(tree, indent=2) + "\n"


_READERS: dict[str, Callable[[str, str], Any]] = {".json": _read_json, ".yaml": _read_yaml, ".yml": _read_yaml, ".toml": _read_toml}
_WRITERS: dict[str, Callable[[dict[str, Any], str], str]] = {".json": _write_json, ".yaml": yaml_text.dumps, ".yml": yaml_text.dumps}


def _known(path: Path, by_suffix: dict[str, Any]) -> Any:
    found = by_suffix.get(path.suffix.lower())
    if found is None:
        raise DataError(f"{path}: the suffix {path.suffix!r} is not that of a text file known here; {nearest(path.suffix, by_suffix)}")
    return found
