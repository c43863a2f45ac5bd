"""The errors a user can meet. Text: ``<path>: <what is wrong, with the value>; <what to do>``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpaicError(Exception):
    """Base of every error raised on purpose by spaic."""


class DeclarationError(SpaicError, ValueError):
    """A model, parameter or element was declared in a way that cannot be meant."""


class NetworkError(SpaicError, ValueError):
    """The network, or a call on it, does not fit together."""


class GraphError(SpaicError, ValueError):
    """The lowered graph breaks a rule of :mod:`spaic.Graph.verify`."""


class InputError(SpaicError, ValueError):
    """Data handed to the network has a wrong shape, type or value."""


class StateError(SpaicError, RuntimeError):
    """An operation needs a state (built, run, bound) that is not there."""


class NumericalError(SpaicError, ArithmeticError):
    """A state variable became NaN or infinite during a run."""


class DataError(SpaicError, OSError):
    """A data file is missing, damaged or not what its name says."""


class UnsupportedError(SpaicError, NotImplementedError):
    """A backend or method cannot do what the declaration asks for."""


class UnknownName(SpaicError, KeyError):
    """A name that is not registered or not declared."""

    def __str__(self) -> str:  # KeyError would show the repr of the text
        return str(self.args[0]) if self.args else ""


def nearest(name: object, candidates: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'lif'?``, or the list of candidates.

    Examples
    --------
    >>> nearest("liff", ["lif", "clif", "hodgkin_huxley"])
    "did you mean 'lif'?"
    """
    names = sorted({str(c) for c in candidates})
    close = difflib.get_close_matches(str(name).lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    if close:
        match = max((n for n in names if n.lower() == close[0]), key=lambda n: difflib.SequenceMatcher(None, str(name), n).ratio())
        return f"did you mean {match!r}?"
    if not names:
        return "nothing is available here"
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    return f"choose one of: {shown}"


def with_article(noun: str) -> str:
    """``an encoder``, ``a decoder``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def reject_unknown(path: str, given: Iterable[str], known: Iterable[str], what: str = "keyword") -> None:
    """Raise :class:`DeclarationError` for the first of `given` that is not in `known`."""
    known = list(known)
    for name in given:
        if name not in known:
            raise DeclarationError(f"{path}: unknown {what} {name!r}; {nearest(name, known)}")
