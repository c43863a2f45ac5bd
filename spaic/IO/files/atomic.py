"""Replacing a file in one step: whatever happens meanwhile, its name leads to one complete version."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from spaic.errors import DataError, InputError, SpaicError

# Host and process that write it, then something random: the dead are told from the living by these.
_TEMPORARY = re.compile(r"\.spaic-([0-9a-f]{8})-([0-9]{1,9})-[0-9a-f]{8}\.tmp")
_UNSYNCED = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM}  # what file systems answer that cannot sync a folder


def as_path(path: str | os.PathLike[str]) -> Path:
    """`path` as a :class:`~pathlib.Path`; :class:`InputError` if it is no path at all."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text or Path(text).name in ("", "..") or not _can_name(text):
        raise InputError(f"path: {path!r} is not the name of a file; give a str or a pathlib.Path")
    return Path(text)


def _can_name(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def version_path(path: Path, number: int) -> Path:
    """Where the version before `path` is kept (1), the one before that (2), and so on.

    Examples
    --------
    >>> version_path(Path("net.spaic"), 2).name
    'net.2.spaic'
    """
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


@contextmanager
def replacing(path: Path, keep: int = 1) -> Iterator[BinaryIO]:
    """Write a new version of `path`, which takes its place once all of it is on the disk.

    Parameters
    ----------
    path : Path
        A file, there already or not, in a folder that is there.
    keep : int
        How many versions stay, the new one included: the one before becomes ``name.1.suffix``, the one before that
        ``name.2.suffix``. Copies with higher numbers, of an earlier and larger `keep`, are left alone.

    Yields
    ------
    BinaryIO
        A new file to write to. If the block raises, the file is removed and `path` is as it was.

    Raises
    ------
    DataError
        If the folder is missing, `path` is not a plain file that may be written, or the disk does not take it.

    Notes
    -----
    A process that is killed leaves `path` complete, and a temporary file that the next write into the folder removes.
    """
    if type(keep) is not int or keep < 1:
        raise InputError(f"{path}: keep={keep!r} is not a number of versions; give a whole number from 1")
    temporary = path.with_name(f".spaic-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        mode = _check_target(path)
        _remove_leftovers(path.parent)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(mode)
            _keep_versions(path, keep)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except SpaicError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); make room or choose another folder") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _check_target(path: Path) -> int | None:
    """The permissions of the file that is there; None where there is none."""
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}; make it first")
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        raise DataError(f"{path}: is a symbolic link to {os.readlink(path)}; give the file itself")
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: is a {'folder' if stat.S_ISDIR(mode) else 'device or pipe'}; give the name of a file")
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise DataError(f"{path}: is marked as read-only (mode {stat.S_IMODE(mode):04o}); allow writing with chmod, or choose another name")
    return stat.S_IMODE(mode)


def _keep_versions(path: Path, keep: int) -> None:
    """Move every kept version one number up and give the current one the number 1 too; `path` itself stays."""
    newest = version_path(path, 1)
    if keep == 1 or (newest.exists() and newest.samefile(path)):  # the same after a write that was killed right here
        return
    for number in range(keep - 1, 1, -1):
        with suppress(FileNotFoundError):
            os.replace(version_path(path, number - 1), version_path(path, number))
    second = path.with_name(f".spaic-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        _duplicate(path, second)
        os.replace(second, newest)
    finally:
        second.unlink(missing_ok=True)


def _duplicate(path: Path, second: Path) -> None:
    try:
        os.link(path, second)
    except OSError:  # a file system without hard links
        shutil.copy2(path, second)
        with second.open("rb+") as stream:
            os.fsync(stream.fileno())


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that have ended."""
    with suppress(OSError), os.scandir(folder) as entries:  # a folder that cannot be listed may still be written to
        for entry in entries:
            named = _TEMPORARY.fullmatch(entry.name)
            if named and named[1] == _host() and _has_ended(int(named[2])) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    os.unlink(entry.path)


def _has_ended(process: int) -> bool:
    if os.name != "posix" or process <= 0:  # elsewhere, asking would be killing
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _sync_folder(folder: Path) -> None:
    """Put the new name on the disk too, where the system can."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise
