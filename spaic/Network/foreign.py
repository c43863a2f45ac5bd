"""Parts of torch that are assigned to a network as to a torch module: nobody would train, save or find them there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from spaic.errors import NetworkError

_MODULE = (
    "a network holds no torch modules, so nobody would run, train or save it; use elements of spaic such as spaic.Connection, or write a "
    "torch module of your own with neurons of spaic.Modules"
)
_OPTIMIZER = "a network holds no {what}s of torch; keep it in a variable of your own, or give net.fit a learner with spaic.Adam"

#: Module and class -> what it is called, and what to do instead.
_REFUSED = {
    ("torch.nn", "Module"): ("torch module", _MODULE),
    ("torch.nn", "Parameter"): (
        "torch parameter",
        "a network holds no parameters of torch, so nobody would train or save it; give the values to an element, as weight= of a "
        "connection or a parameter that trainable= names",
    ),
    ("torch.optim", "Optimizer"): ("torch optimizer", _OPTIMIZER.format(what="optimizer")),
    ("torch.optim.lr_scheduler", "LRScheduler"): ("torch schedule", _OPTIMIZER.format(what="schedule")),
}


def refuse_torch(label: str, name: str, value: Any) -> None:
    """Refuse a part of torch, or a list, tuple or dict of such, as the attribute `name` of the network `label`."""
    for item in _items(value):
        for (module, kind), (what, way_out) in _REFUSED.items():
            known = getattr(sys.modules.get(module), kind, None)  # what is not imported has made nothing
            if known is not None and isinstance(item, known):
                raise NetworkError(f"{label}: {name!r} is a {type(item).__name__} ({what}), and {way_out}")


def _items(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, (list, tuple)):
        yield from value
