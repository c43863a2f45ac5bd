"""Whatever reading a file leads to becomes one kind of error, with the path of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaic.errors import DataError, SpaicError


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn every error into a DataError that begins with the path of the file.

    Examples
    --------
    >>> with reading("net.spaic"):
    ...     {}["weights"]
    Traceback (most recent call last):
        ...
    spaic.errors.DataError: net.spaic: it cannot be understood (KeyError: 'weights'); the file is damaged or of another kind
    """
    try:
        yield
    except DataError as error:
        if str(error).startswith(str(path)):
            raise
        raise DataError(f"{path}: {error}") from error
    except SpaicError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # a file may hold anything, and so lead to any error
        what = f"{type(error).__name__}: {error}"
        what = what if len(what) <= 300 else what[:297] + "..."
        raise DataError(f"{path}: it cannot be understood ({what}); the file is damaged or of another kind") from error
