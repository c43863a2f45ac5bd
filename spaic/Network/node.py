"""Nodes: where data enter a network, and where results leave it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from spaic.errors import DeclarationError, nearest, reject_unknown
from spaic.Network.element import Element
from spaic.registry import Registry
from spaic.units import in_unit


class Node(Element):
    """An encoder, generator, decoder, action or reward.

    Called by its own name it makes one of the two from its keywords: ``Node(num=784, encoding="latency")`` is an
    :class:`Encoder`, ``Node(decoding="spike_counts", target=layer)`` a :class:`Decoder`.
    """

    kind = "node"
    codes: ClassVar[Registry[Any]]

    #: Keyword of SPAIC that says what is meant -> the class.
    meant_by: ClassVar[dict[str, type]] = {}

    def __init_subclass__(cls, keyword: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if keyword:
            Node.meant_by[keyword] = cls

    @classmethod
    def meant(cls, args: tuple[Any, ...], options: Mapping[str, Any]) -> Callable[..., Any] | None:
        if cls is not Node:
            return None
        for keyword, kind in cls.meant_by.items():
            if keyword in options:
                return kind
        raise DeclarationError("Node: neither encoding nor decoding is given; use Encoder, Generator or Decoder")

    def _set_code(self, method: str | None, options: dict[str, Any], default: str | None = None) -> None:
        if method is None and default is None:
            raise DeclarationError(f"{type(self).__name__}: no coding_method is given; {nearest('', self.codes)}")
        self.coding_method = self.codes.canonical(default if method is None else method)
        code = self.codes[self.coding_method]
        where = f"{type(self).__name__}({self.coding_method})"
        reject_unknown(where, options, [f.name for f in dataclasses.fields(code)])
        units: Mapping[str, str] = getattr(code, "units", {})
        self.code = code(**{k: in_unit(v, units[k], f"{where}.{k}") if k in units else v for k, v in options.items()})
