"""Plasticity rules as the text that takes the place of the functions without rules in the kernels of loops."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from spaic.Backend.Event.rules import rule_parts
from spaic.Backend.Event.rules.rule_writer import ARRAYS, GIVEN, Writer
from spaic.Dynamics.rules import Rule

#: What the loop calls.
_CALLED = ("up_to", "watch", "before_arrival", "after_arrival", "after_spike")


def text(rules: Sequence[Rule]) -> str:
    """What takes the place of the functions without rules in the kernels of loops."""
    writers = [Writer(rule, n) for n, rule in enumerate(rules)]
    parts = [name for w in writers for name in w.names]
    made = "\n\n\n".join(part for w in writers for part in w.functions())
    choice = {name: _chosen(name, len(rules)) for name in GIVEN}
    integrates = any(w.between is not None for w in writers)
    helpers = inspect.getsource(rule_parts).partition("# --- kernels")[2].partition("\n")[2].strip()
    return f"""{helpers}


RULE_PARTS = {(*rule_parts.MORE_PARTS, *parts, "settle", "touch", "touch_all", *_CALLED)!r}

{made}


def settle(learning: Any, weights: Any, t: Any) -> Any:
    touch_all(learning, weights, t)
{choice["settle"]}
    learning[{ARRAYS.index("origin")}][0] = t


def touch(learning: Any, weights: Any, k: Any, t: Any) -> Any:
    {", ".join(ARRAYS)} = learning
    if place_rule[k] >= 0 and t > reached[k]:
        rule = place_rule[k]
        a, j = place_pre[k], rule * (len(column_first) - 1) + place_post[k]
{choice["touch"]}
        reached[k] = t


def touch_all(learning: Any, weights: Any, t: Any) -> Any:
    if {integrates}:
        for k in range(len(weights)):
            touch(learning, weights, k, t)


def up_to(learning: Any, weights: Any, t: Any) -> Any:
    settle(learning, weights, t)


def watch(learning: Any, weights: Any, n: Any, t: Any) -> Any:
    watched = learning[{ARRAYS.index("watched")}]
    if len(watched) > 0:
        touch_all(learning, weights, t)
        for k in range(len(weights)):
            watched[n, k] = weights[k]


def before_arrival(learning: Any, weights: Any, packet: Any, places: Any, first: Any, last: Any, t: Any) -> Any:
    if learning[{ARRAYS.index("packet_rule")}][packet] >= 0:
        if t - learning[{ARRAYS.index("origin")}][0] > learning[{ARRAYS.index("lasting")}][0]:
            settle(learning, weights, t)
        if {integrates}:
            for s in range(first, last):
                touch(learning, weights, places[s], t)


def after_arrival(learning: Any, weights: Any, packet: Any, places: Any, first: Any, last: Any, t: Any, amount: Any) -> Any:
    rule = learning[{ARRAYS.index("packet_rule")}][packet]
    a = learning[{ARRAYS.index("packet_pre")}][packet]
    if amount == 0.0:
        rule = -1
{choice["arrive"]}


def after_spike(learning: Any, weights: Any, neuron: Any, t: Any) -> Any:
    {", ".join(ARRAYS)} = learning
    if t - origin[0] > lasting[0]:
        settle(learning, weights, t)
    places, first, last = column, column_first[neuron], column_first[neuron + 1]
    if {integrates}:
        for s in range(first, last):
            touch(learning, weights, places[s], t)
    for rule in range(len(numbers)):
        j = rule * (len(column_first) - 1) + neuron
{choice["fire"]}
"""


def _chosen(name: str, count: int) -> str:
    """The call of the function of a rule, or where there is no `rule` of all of them."""
    if name == "settle":
        return "\n".join(f"    settle_{n}({GIVEN[name]})" for n in range(count))
    indent = "    " if name == "arrive" else "        "
    return "\n".join(f"{indent}if rule == {n}:\n{indent}    {name}_{n}({GIVEN[name]})" for n in range(count))
