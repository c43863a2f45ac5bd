"""The tables of docs/performance.md, from a result file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from peers.figures import Spread, best_library, ratio
from peers.works import WORKS, Goal

NAMES = {
    "ours": "spaic",
    "products": "products alone",
    "plain_torch": "plain loop",
    "compiled_torch": "torch.compile",
    "snntorch": "snnTorch",
    "spikingjelly": "SpikingJelly",
    "norse": "Norse",
    "sinabs": "sinabs",
    "spyx": "spyx",
    "readme_ours": "spaic",
    "readme_original": "original SPAIC",
}
PEERS = tuple(name for name in NAMES if not name.startswith("readme"))
Measured = Mapping[str, Any]
_MISSING = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def works_of(results: Measured, mode: str, is_readme: bool = False) -> Iterator[tuple[str, Measured]]:
    """Works that were measured in a mode."""
    for name, modes in results["works"].items():
        if mode in modes and WORKS[name].is_readme == is_readme:
            yield name, modes[mode]


def seconds(measured: Measured) -> dict[str, list[float]]:
    """Peer -> its times, one per round."""
    return {name: peer["seconds"] for name, peer in measured["peers"].items()}


def times(results: Measured, mode: str) -> str:
    """Medians and quartiles of all peers."""
    rows = []
    for name, measured in works_of(results, mode):
        rows.append([name, *(_time(measured, peer) for peer in PEERS)])
    return table(["ms", *(NAMES[peer] for peer in PEERS)], rows)


def _time(measured: Measured, peer: str) -> str:
    if peer not in measured["peers"]:
        return _MISSING
    values = measured["peers"][peer]["seconds"]
    spread = Spread.of([1e3 * s for s in values])
    mark = "" if agrees(peer, measured["peers"][peer]) else " †"
    if len(values) == 1:
        return f"{number(spread.median)} (once){mark}"
    return f"{number(spread.median)} ({number(spread.low)}-{number(spread.high)}){mark}"


def agrees(name: str, peer: Measured) -> bool:
    """Whether a peer gave the spike counts of the plain loop; the products alone give none, and what was not compared does not agree."""
    return name == "products" or peer.get("agreement", {"equal": False})["equal"]


def goals(results: Measured, mode: str) -> str:
    """Our times over those of the others, beside what issue 4 asks for."""
    rows = []
    for name, measured in works_of(results, mode):
        found = seconds(measured)
        best = best_library(found)
        if "ours" not in found or best is None:
            continue
        goal = goal_of(name, mode)
        against = [_against(found, best, goal.over_best), _against(found, "products", goal.over_products)]
        others = [_against(found, "plain_torch", None)[0], _against(found, "compiled_torch", None)[0]]
        rows.append([name, NAMES[best], *against[0], *against[1], *others])
    head = [
        "work",
        "fastest library",
        "spaic over it",
        "goal",
        "spaic over products",
        "goal",
        "spaic over plain loop",
        "over torch.compile",
    ]
    return table(head, rows)


def goal_of(name: str, mode: str) -> Goal:
    """The goals of a work in a mode."""
    return WORKS[name].training if mode == "train" else WORKS[name].inference


def _against(found: Mapping[str, list[float]], peer: str, goal: float | None) -> tuple[str, str]:
    """Ratio with its spread, and goal with verdict."""
    if peer not in found:
        return _MISSING, _MISSING
    spread = ratio(found["ours"], found[peer])
    shown = f"{number(spread.median)} ({number(spread.low)}-{number(spread.high)})"
    return shown, _MISSING if goal is None else verdict(spread.median, goal)


def verdict(value: float, goal: float) -> str:
    """A goal, and whether it is reached."""
    return f"{goal:.3g}, reached" if value <= goal else f"{goal:.3g}, **not reached**"


def memory(results: Measured) -> str:
    """Peak of a training step over what was resident before it, and what stays."""
    rows = []
    for name, measured in works_of(results, "train"):
        cells = [_memory(measured, peer) for peer in PEERS]
        rows.append([name, *cells, *_memory_goal(name, measured)])
    return table(["MB", *(NAMES[peer] for peer in PEERS), "spaic over SpikingJelly", "goal"], rows)


def _memory(measured: Measured, peer: str) -> str:
    found = measured["peers"].get(peer, {}).get("memory")
    if not found:
        return _MISSING
    return f"{found['transient'] / 1e6:.0f} + {max(0, found['kept']) / 1e6:.0f}"


def _memory_goal(name: str, measured: Measured) -> tuple[str, str]:
    found = [(measured["peers"].get(peer, {}).get("memory") or {}).get("transient") for peer in ("ours", "spikingjelly")]
    if None in found or not found[1]:
        return _MISSING, _MISSING
    goal, value = WORKS[name].memory_over_spikingjelly, found[0] / found[1]
    return number(value), _MISSING if goal is None else verdict(value, goal)


def first_steps(results: Measured, work: str) -> str:
    """From the start of a process to the end of its first training step, peer by peer."""
    measured = results["works"][work]["train"]
    rows = []
    for peer in PEERS:
        if peer in measured["peers"]:
            warm, cold = (measured["peers"][peer][which] for which in ("first", "first_cold"))
            parts = [f"{warm[part]:.2f}" for part in ("import", "build", "step")]
            rows.append([NAMES[peer], *parts, f"{cold['step']:.2f}" if cold else _MISSING, f"{sum(warm.values()):.2f}"])
    return table(["s", "import", "build", "first step, warm cache", "first step, cold cache", "process start to end of first step"], rows)


def own_first_steps(results: Measured, cold_goal: float, warm_goal: float) -> str:
    """Our first training steps, and what issue 4 asks for."""
    rows = []
    for name, measured in works_of(results, "train"):
        if "ours" in measured["peers"]:
            warm, cold = (measured["peers"]["ours"][which] for which in ("first", "first_cold"))
            cold_cells = [f"{cold['step']:.2f}", verdict(cold["step"], cold_goal)] if cold else [_MISSING, _MISSING]
            rows.append([name, *cold_cells, f"{warm['step']:.2f}", verdict(warm["step"], warm_goal)])
    return table(["s", "cold cache", "goal", "warm cache", "goal"], rows)


def agreement(results: Measured) -> str:
    """Spike counts and gradients of the peers against those of the plain loop."""

    def cell(measured: Measured, peer: str) -> str:
        found = measured["peers"].get(peer, {}).get("agreement")
        if found is None:
            return _MISSING
        counts = "equal" if found["equal"] else f"**{found['differing']:.2%} differ**"
        return f"{counts}; {found['gradient_error']:.0e}" if "gradient_error" in found else counts

    return _by_peer(results, cell, [peer for peer in PEERS if peer not in ("products", "plain_torch")])


def _by_peer(results: Measured, cell: Callable[[Measured, str], str], peers: Sequence[str]) -> str:
    rows = [[name, *(cell(measured, peer) for peer in peers)] for name, measured in works_of(results, "train")]
    return table(["work", *(NAMES[peer] for peer in peers)], rows)


def operations(results: Measured) -> str:
    """Spikes and synaptic operations of a sample."""
    rows = []
    for name, measured in works_of(results, "train"):
        counted = measured["operations"]
        if counted is None:
            continue
        activity = ", ".join(f"{100 * a:.1f}" for a in counted["activity"])
        events = counted["synaptic_operations"] + counted["multiplications"]
        share = events / counted["dense_multiplications"]
        rows.append(
            [name, activity, f"{counted['spikes']:,.0f}", f"{counted['synaptic_operations']:,}", f"{counted['multiplications']:,}",
             f"{counted['dense_multiplications']:,}", f"{share:.1%}"]
        )  # fmt: skip
    head = ["work", "active in a step, input and layers, %", "spikes", "synaptic operations", "multiplications of input that is no spikes"]
    return table([*head, "multiplications if dense", "operations over dense"], rows)


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
