"""Fetching one published file: checked, and either there completely or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from pathlib import Path

from spaic.errors import DataError

_BLOCK = 1 << 20  # bytes


def fetch(url: str, path: Path, md5: str, timeout: float = 30.0) -> None:
    """Download `url` to `path`, which appears only once its MD5 has been checked.

    Parameters
    ----------
    url : str
        Address of the file.
    path : Path
        Where to put it; its folder is made.
    md5 : str
        Published checksum of the file as it comes from the server.
    timeout : float
        Seconds without an answer after which to give up.

    Raises
    ------
    DataError
        If the server cannot be reached, the folder cannot be written or the checksum differs.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            found = _copy(url, part, timeout)
            if found == md5:
                os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{path}: could not be downloaded from {url} ({error}); put the file there by hand") from error
    if found != md5:
        raise DataError(f"{path}: {url} sent a file with MD5 {found} instead of {md5}; try again, or put the file there by hand")


def _copy(url: str, part: Path, timeout: float) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with urllib.request.urlopen(url, timeout=timeout) as answer, part.open("wb") as target:
        while block := answer.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()
