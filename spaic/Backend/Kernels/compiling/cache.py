"""Where compiled kernels are kept: a folder of the user's, private, and never worth an error."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from spaic.errors import UnsupportedError

_HOW = "set SPAIC_CACHE to a folder that you, and nobody else, can write"
_OURS = re.compile(r"\.?\w+_[0-9a-f]{16}\..+")  # a text, its compiled code, and what a process that was killed left of either

_private: Path | None = None  # the folder of this process alone, once there had to be one


def wanted() -> Path:
    """The folder that is meant to be used, whether or not it can be.

    Returns
    -------
    Path
        ``$SPAIC_CACHE``, or ``spaic/kernels`` in the folder that the platform gives to the caches of a user.
    """
    given = os.environ.get("SPAIC_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    return _platform_cache() / "spaic" / "kernels"


def _platform_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return base if base.is_absolute() else Path.home() / ".cache"


def folder() -> Path:
    """The folder that is used, made if it is not there.

    Returns
    -------
    Path
        :func:`wanted`, or a folder of this process alone (with one warning) where that one cannot be used.

    Raises
    ------
    UnsupportedError
        If no folder can be written.
    """
    if _private is not None and _private.is_dir():
        return _private
    try:
        place = wanted()
        _prepare(place)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        return _fall_back(error)
    return place


def _prepare(place: Path) -> None:
    """Make `place`; OSError where its files could be those of another user, or cannot be written."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        status = place.stat()
        if status.st_uid != os.getuid():
            raise PermissionError(f"{place} belongs to another user (number {status.st_uid})")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{place} can be written by others (mode {stat.S_IMODE(status.st_mode):04o})")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{place} cannot be written")


def _fall_back(error: Exception) -> Path:
    """Use a folder of this process alone from now on, and say so."""
    global _private
    try:
        _private = Path(tempfile.mkdtemp(prefix="spaic-kernels-"))
    except OSError as second:
        raise UnsupportedError(f"kernels: compiled code cannot be written anywhere ({error}; {second}); {_HOW}") from second
    atexit.register(_remove, _private, os.getpid())
    warnings.warn(f"kernels: compiled code is kept for this process only ({error}); {_HOW}", RuntimeWarning, stacklevel=2)
    return _private


def _remove(place: Path, process: int) -> None:
    if os.getpid() == process:  # not in a process forked from it
        shutil.rmtree(place, ignore_errors=True)


def put(name: str, text: str) -> Path:
    """Write `text` as the file `name` of the folder, unless just that is there already.

    Parameters
    ----------
    name, text : str
        Name without a folder, and what the file shall hold.

    Returns
    -------
    Path
        The file. Other processes see all of it or nothing.
    """
    data = text.encode()
    place = folder()
    try:
        return _put(place / name, data)
    except OSError as error:
        if place == _private:
            raise UnsupportedError(f"kernels: {name} cannot be written anywhere ({error}); {_HOW}") from error
        _fall_back(error)
    return put(name, text)


def _put(path: Path, data: bytes) -> Path:
    with suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return path
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except PermissionError:  # on Windows: another process reads what it has just written there
        if path.read_bytes() != data:
            raise
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    return path


def shown() -> str:
    """How long compiled code is kept, and where, in words."""
    place, home = str(folder()), os.path.expanduser("~") + os.sep
    if _private is not None:
        return "for this process only"
    return f"once, kept in {'~' + os.sep + place[len(home) :] if place.startswith(home) else place}"


def size() -> int:
    """Bytes that compiled code takes in :func:`wanted`."""
    total = 0
    for file in files():
        with suppress(OSError):  # another process may have removed it
            total += file.stat().st_size
    return total


def clear() -> int:
    """Remove all compiled code from :func:`wanted`. What a process has loaded goes on working.

    Returns
    -------
    int
        Number of bytes that it took.
    """
    freed = 0
    for file in files():
        with suppress(OSError):
            taken = file.stat().st_size
            file.unlink()
            freed += taken
    return freed


def files() -> list[Path]:
    """What spaic has put there; there may be other files where SPAIC_CACHE is set."""
    with suppress(OSError, RuntimeError):
        place = wanted()
        return [file for part in (place, place / "__pycache__") for file in part.glob("*") if _OURS.fullmatch(file.name) and file.is_file()]
    return []
