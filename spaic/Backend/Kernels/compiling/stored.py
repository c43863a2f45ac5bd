"""Compiled code on the disk: Numba's cache with files that are checked, never shared, and quick to load."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.runtime.nrt import rtsys

_LOG = logging.getLogger("spaic.kernels")


class _Files(IndexDataCacheFile):
    """One file for each signature, named by it, that ends with the digest of all before.

    Numba keeps an index, which two processes that compile for different signatures at once can leave pointing to the wrong code;
    and it runs whatever a damaged file holds.
    """

    def save(self, key: Any, data: Any) -> None:
        self._save_data(self._name(key), (key, data))

    def load(self, key: Any) -> Any:
        name = self._name(key)
        try:
            if not self._is_whole(name):
                return None
            kept, data = self._load_data(name)
        except OSError:  # not there, or no longer
            return None
        return data if kept == key else None

    def _name(self, key: Any) -> str:
        number = int(hashlib.sha256(repr(key).encode()).hexdigest()[:15], 16)
        return str(self._data_name(number))

    def _is_whole(self, name: str) -> bool:
        with open(self._data_path(name), "rb") as stream:
            data = stream.read()
        return len(data) > 32 and hashlib.sha256(data[:-32]).digest() == data[-32:]

    @contextlib.contextmanager
    def _open_for_write(self, path: str) -> Iterator[BinaryIO]:
        with super()._open_for_write(path) as stream:
            whole = io.BytesIO()
            yield whole
            stream.write(whole.getvalue() + hashlib.sha256(whole.getvalue()).digest())


class Stored(FunctionCache):
    """The compiled versions of one function."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # Numba would first import all that it may need to compile, SciPy included, which takes longer than all the rest.
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _LOG.warning("%s: compiled code is not kept (%s)", self._cache_path, error)
            self.disable()
