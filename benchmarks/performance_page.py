"""Writes docs/performance.md and docs/performance.png from a result file of against_peers.py.

Run: python benchmarks/performance_page.py [--results FILE] [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peers import picture, tables
from peers.figures import LIBRARIES, Spread, best_library, ratio
from peers.tables import NAMES, goal_of, seconds, works_of
from peers.works import DECAY, SURROGATE, WORKS

COMMAND = "python benchmarks/performance_page.py"
ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
#: What issue 4 asks of the first step, in seconds.
COLD, WARM = 6.0, 0.5
_MODES = {"train": "Training step", "infer": "Inference"}


METHOD = """\
- **Neurons.** v = {decay} v + I, a spike above the threshold of 1, then v = 0. Surrogate {surrogate}; the reset carries no gradient. The
  loss is the cross entropy of the output's spike counts. Weights lie on a grid on which all sums are exact in float32, so that peers with
  the same dynamics give the same spikes to the last one.
- **Processes.** Every peer lives in a process of its own, bound to the same cores, with as many threads. Each round times all peers of a
  work, in a new order, after an untimed step (not if a step takes more than a second) and after waiting for other programs.
- **Steps** alternate between two batches. Adam's learning rate is 1e-6, so that the activity stays what it was.
- **Products alone** are the dense products of forward and backward, into memory that is reused: no gradient of the input, and one product
  per step for a recurrent link. No neurons, no loss, no Adam.
- **Memory** is the high-water mark of the resident set (`VmHWM`), reset before the step, after free memory was handed back.
- **Other programs** used {others:.2f} cores at most before a round, on average over a work."""


def page(results: dict[str, Any], source: str) -> str:
    """The whole page."""
    return "\n\n".join([*_head(results, source), *_times(results), *_rest(results), *_method(results)]) + "\n"


def _head(results: dict[str, Any], source: str) -> Iterator[str]:
    machine, settings = results["machine"], _settings(results)
    dates = sorted({s["date"] for s in settings})
    threads = " or ".join(map(str, sorted({s["threads"] for s in settings})))
    yield f"<!-- Written by `{COMMAND}` from {source}; do not edit it by hand. -->"
    yield "# Performance"
    yield (
        f"spaic beside other libraries for spiking networks, on {machine['processor']}, {threads} of {machine['cores']} cores, measured "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}. Same network, initial weights, data, surrogate, loss and optimizer for all. "
        "Every number on this page is generated from one result file, losses included:"
    )
    yield f"```bash\npython benchmarks/against_peers.py --install\npython benchmarks/against_peers.py\n{COMMAND}\n```"
    yield "\n".join(f"- {line}" for line in _summary(results))
    yield "![Times relative to the plain loop](performance.png)"
    yield "Below 1 is faster than the loop in plain torch. The bars are quartiles."
    described = [[f"`{name}`", WORKS[name].text] for name in results["works"]]
    yield tables.table(["work", "network and input"], described)


def _summary(results: dict[str, Any]) -> Iterator[str]:
    """How many goals are reached, and every work where somebody else is faster."""
    for mode, title in _MODES.items():
        reached = [value <= goal for value, goal in _goals(results, mode)]
        if reached:
            yield f"{title}: {sum(reached)} of {len(reached)} goals reached."
    for mode, title in _MODES.items():
        for name, measured in works_of(results, mode):
            found = seconds(measured)
            if "ours" not in found:
                continue
            faster = [
                peer
                for peer in (*LIBRARIES, "plain_torch", "compiled_torch")
                if peer in found and ratio(found["ours"], found[peer]).median > 1
            ]
            if faster:
                shown = ", ".join(f"{NAMES[peer]} ({tables.number(ratio(found['ours'], found[peer]).median)} times)" for peer in faster)
                yield f"{title}, `{name}`: spaic is slower than {shown}."


def _goals(results: dict[str, Any], mode: str) -> Iterator[tuple[float, float]]:
    """What is reached, and the goal."""
    for name, measured in works_of(results, mode):
        found, goal = seconds(measured), goal_of(name, mode)
        for peer, wanted in ((best_library(found), goal.over_best), ("products", goal.over_products)):
            if wanted is not None and peer in found and "ours" in found:
                yield ratio(found["ours"], found[peer]).median, wanted


def _times(results: dict[str, Any]) -> Iterator[str]:
    for mode, title in _MODES.items():
        if not any(True for _ in works_of(results, mode)):
            continue
        yield f"## {title}"
        if mode == "train":
            yield "Forward, backward and Adam. Median over the rounds, quartiles in brackets."
        else:
            yield "Forward without gradient."
        yield tables.times(results, mode)
        if any(not tables.agrees(*peer) for _, measured in works_of(results, mode) for peer in measured["peers"].items()):
            yield "† Its spike counts differ from those of the others, or were not compared: see [agreement](#agreement)."
        yield "The ratios are medians over rounds of the ratio within a round. The goals were set before the kernels were written."
        yield tables.goals(results, mode)


def _rest(results: dict[str, Any]) -> Iterator[str]:
    yield "## Memory"
    yield (
        "Of a training step in MB: how far the resident size rises above what it was before the step, plus what has stayed since the "
        "network was built (moments of Adam, compiled code, reused buffers). The goal is about the first number."
    )
    yield tables.memory(results)
    yield "## First step"
    shown = next(iter(name for name, _ in works_of(results, "train")), None)
    if shown:
        yield f"In seconds, for `{shown}`; each of these once. A cold cache is an empty folder for compiled code, of those that have one."
        yield tables.first_steps(results, shown)
        yield tables.own_first_steps(results, COLD, WARM)
    yield "## Agreement"
    yield (
        "Output spike counts from the same weights and data against those of the plain loop, and the norm of the difference of all "
        "gradients over their norm. Only counts that are all equal are called equal."
    )
    yield tables.agreement(results)
    yield "## Spikes and operations"
    yield "Of one sample over all steps, forward. What event-driven hardware would do, beside what a dense machine does."
    yield tables.operations(results)
    yield from _readme(results)
    yield from _left_out(results)


def _readme(results: dict[str, Any]) -> Iterator[str]:
    """Beside the original SPAIC."""
    rows = []
    for mode, title in _MODES.items():
        for _, measured in works_of(results, mode, is_readme=True):
            found = seconds(measured)
            times = {name: Spread.of(values) for name, values in found.items()}
            cells = [
                f"{times[n].median:.2f} ({times[n].low:.2f}-{times[n].high:.2f})" if n in times else "-"
                for n in ("readme_ours", "readme_original")
            ]
            if len(found) == 2:
                times_faster = ratio(found["readme_original"], found["readme_ours"]).median
                goal = 1 / WORKS["readme"].training.over_best if mode == "train" else None
                wanted = f"{goal:.0f}, {'reached' if times_faster >= goal else '**not reached**'}" if goal else "-"
                cells += [f"{times_faster:.1f}", wanted]
            rows.append([title, *cells, *["-"] * (4 - len(cells))])
    if rows:
        yield "## Beside the original SPAIC"
        yield (
            "The hyper-parameters of its README to the letter: 784-100-10 clif, latency code, 200 ms at dt 0.1 (2000 steps), batch 100, "
            "STCA, Adam. Images as dense as MNIST's. Here each library follows its own rules (clif, latency code and delay differ, as "
            "[semantics.md](semantics.md#where-spaic-differs) says), so this compares the same task, not the same dynamics."
        )
        yield tables.table(["s per batch", "spaic", "original SPAIC", "times faster", "goal"], rows)


def _left_out(results: dict[str, Any]) -> Iterator[str]:
    """Peers that are missing, and why."""
    reasons = [
        f"- `{name}`, {_MODES[mode].lower()}: {NAMES[peer]} is left out: {why}"
        for name, modes in results["works"].items()
        for mode, measured in modes.items()
        for peer, why in measured["left_out"].items()
    ]
    if reasons:
        yield "## Left out"
        yield "\n".join(reasons)


def _method(results: dict[str, Any]) -> Iterator[str]:
    yield "## How it was measured"
    yield METHOD.format(decay=DECAY, surrogate=SURROGATE, others=max(measured["others"] for _, measured in _all(results)))
    versions: dict[str, str] = {}
    for _, measured in _all(results):
        for peer, found in measured["peers"].items():
            packages = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
            versions[peer] = f"{found['text']} ({packages})"
    yield tables.table(
        ["peer", "how it is used"], [[NAMES[peer] + (" (README)" if "readme" in peer else ""), text] for peer, text in versions.items()]
    )


def _all(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, modes in results["works"].items():
        for measured in modes.values():
            yield name, measured


def _settings(results: dict[str, Any]) -> list[dict[str, Any]]:
    return [measured["settings"] for _, measured in _all(results)]


def latest() -> Path:
    """The result file that was measured last."""
    files = sorted(RESULTS.glob("*.json"))
    if not files:
        raise SystemExit(f"{RESULTS}: there is no result; run python benchmarks/against_peers.py")
    return max(files, key=lambda file: max(s["date"] for s in _settings(json.loads(file.read_text(encoding="utf-8")))))


def main() -> None:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, help="result file; by default the latest in benchmarks/results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder to write to")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not what the results say")
    options = parser.parse_args()
    file = options.results or latest()
    results = json.loads(file.read_text(encoding="utf-8"))
    made, target = page(results, f"benchmarks/results/{file.name}"), options.docs / "performance.md"
    if options.check:
        if not target.exists() or target.read_text(encoding="utf-8") != made:
            sys.exit(f"{target}: it is not what {file} says; run python benchmarks/performance_page.py")
        return
    target.write_text(made, encoding="utf-8")
    picture.draw(results, options.docs / "performance.png")


if __name__ == "__main__":
    main()
