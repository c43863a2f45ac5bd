"""Writes docs/models.md from the declarations. ``python docs/generate_models.py --check`` says whether the page is up to date."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spaic import registry
from spaic.Dynamics.document import document, sentence, table
from spaic.Dynamics.document_rule import document_rule
from spaic.Dynamics.expression import FUNCTIONS
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.presets import Preset, presets
from spaic.Graph.values import Draw

PAGE = Path(__file__).with_name("models.md")
COMMAND = "python docs/generate_models.py"

_X = "$x$ is the left side of the spike condition minus the right one"
_HEAD = f"""\
<!-- Written by `{COMMAND}` from the declarations in spaic/Library and spaic/Learning; do not edit it by hand. -->

# Everything that is chosen by name

Names are not case-sensitive, and a hyphen or blank in them counts as `_`. An unknown name is refused with the nearest one there is.

The equations below are the declarations themselves, typeset: every backend runs exactly these. $w$ is what a link brings and $O$ the spike,
0 or 1. $\\leftarrow$ gives a variable a new value; in a block of equations it does so once per step, from the values at the start of the
step. $\\sigma(x) = 1 / (1 + e^{{-x}})$, and $\\mathrm{{exprel}}(x) = (e^x - 1) / x$ with its limit 1 at 0. A unit of 1 is a pure number.
[semantics.md](semantics.md) says what happens in a time step and what the integrators compute, [gallery.md](gallery.md) shows what the
neurons do, [proofs.md](proofs.md) what each was compared with, [extending.md](extending.md) how to add an entry of your own.

The functions of the equation language are {", ".join(f"`{name}`" for name in sorted(FUNCTIONS))}.
"""


def models_page() -> str:
    """The whole page."""
    chapters: list[tuple[str, str, registry.Registry[Any], Callable[..., str]]] = [
        ("Neurons", '`NeuronGroup(100, model="lif", tau_m=10.0)`', registry.neurons, _neuron),
        ("Synapses", '`Connection(a, b, syn_type="first_order", syn_kwargs=dict(tau=3.0))`', registry.synapses, document),
        ("Plasticity rules", '`PlasticityLearner(connection, "stdp", A_plus=0.02)`', registry.rules, document_rule),
        ("Surrogate gradients", f'`SurrogateBP(net, surrogate="atan", alpha=2.0)`; {_X}', registry.surrogates, document),
        ("Links", '`Connection(a, b, link_type="sparse", density=0.1)`', registry.links, _class),
        ("Encoders", '`Encoder(num=784, coding_method="poisson", unit_conversion=0.5)`', registry.encoders, _class),
        ("Generators", '`Generator(dec_target=group, coding_method="ramp", amp=0.1)`', registry.generators, _class),
        ("Decoders", '`Decoder(dec_target=group, coding_method="spike_counts", scale=0.1)`', registry.decoders, _class),
        ("Actions", '`Action(dec_target=group, coding_method="softmax_action")`', registry.actions, _class),
        ("Rewards", '`Reward(dec_target=group, coding_method="classify_reward")`', registry.rewards, _class),
        ("Initializers", "`Connection(a, b, weight=spaic.normal(0.0, 0.1))`", registry.initializers, _class),
        ("Learners", "`STCA(net, alpha=0.5)`", registry.learners, _class),
        ("Networks", "`spaic.Library.DiehlCook(num=100)`", registry.networks, _class),
        ("Backends", '`net.set_backend("torch", device="cuda", dt=1.0)`', registry.backends, _class),
    ]
    return "\n".join([_HEAD, *(part for chapter in chapters for part in _chapter(*chapter))])


def _chapter(title: str, use: str, entries: registry.Registry[Any], section: Callable[..., str]) -> Iterator[str]:
    yield f"## {title}\n\nUse: {use}.\n"
    for name in entries:
        yield section(entries[name], name, entries.aliases(name))
    if entries.refused:
        yield _refused(entries.refused)


def _neuron(model: NeuronModel, name: str, aliases: Sequence[str]) -> str:
    """The section of a neuron model: its declaration, and its named parameters."""
    return "\n".join([document(model, name, aliases), *_presets(presets(model), name)])


def _presets(named: Mapping[str, Preset], model: str) -> Iterator[str]:
    if not named:
        return
    rows = [
        (f"`{p.name}`", ", ".join(f"{k} {v:g}" for k, v in p.values.items()), f"{sentence(p.summary)} {p.source}.") for p in named.values()
    ]
    yield f'Named parameters, `NeuronGroup(100, model="{model}", preset="{rows[0][0].strip("`")}")`; parameters given besides win:\n'
    yield table(("preset", "values", "what the neuron does, and source"), rows) + "\n"


def _refused(names: Mapping[str, str]) -> str:
    rows = [(f"`{name}`", sentence(reason)) for name, reason in names.items()]
    return "Not here, and why:\n\n" + table(("name", "reason"), rows) + "\n"


def _class(kind: type, name: str, aliases: Sequence[str]) -> str:
    """The section of a class: what its docstring says, and a table of its keywords."""
    text = inspect.cleandoc(kind.__doc__ or "")
    parts = [f"### {name}"]
    if others := [f"`{a}`" for a in aliases if a != name]:
        parts.append("Also called " + ", ".join(others) + ".")
    parts.append(sentence(_markdown(_lead(text))))
    parts += _keywords(kind)
    source = re.search(r"^Source: (.+?)\.?$", " ".join(_section(text, "Notes").split()))
    if source:
        parts.append(f"Source: {_markdown(source[1])}.")
    return "\n\n".join(parts) + "\n"


def _keywords(kind: type) -> list[str]:
    meanings = _meanings(kind)
    rows = [(f"`{k}`", v, _markdown(meanings.get(k, ""))) for k, v in _defaults(kind).items()]
    if not rows:
        return []
    if not any(meaning for *_, meaning in rows):
        return ["Keywords: " + ", ".join(f"{k} ({v or 'needed'})" for k, v, _ in rows) + "."]
    return [table(("keyword", "default", "meaning"), rows)]


def _defaults(kind: type) -> dict[str, str]:
    """Keyword -> its default as text, empty where one has to be given."""
    if dataclasses.is_dataclass(kind):
        empty = dataclasses.MISSING
        return {f.name: "" if f.default is empty else f"`{f.default!r}`" for f in dataclasses.fields(kind)}
    ours = {"self", "given", "name", "algorithm"}
    named = {k: p for k, p in inspect.signature(kind.__init__).parameters.items() if k not in ours}  # type: ignore[misc]
    stars = {p.VAR_KEYWORD: "**" for p in named.values()}
    return {stars.get(p.kind, "") + k: "" if p.default is p.empty else f"`{p.default!r}`" for k, p in named.items()}


def _meanings(kind: type) -> Mapping[str, str]:
    """Keyword -> what the docstrings of the class and its bases say about it."""
    found: dict[str, str] = {}
    for base in kind.__mro__:
        if base in (Draw, object):
            break
        section = _section(inspect.cleandoc(base.__doc__ or ""), "Parameters")
        for match in re.finditer(r"^([*\w][^\n]*)\n((?:[ ]+[^\n]*\n?)+)", section, re.M):
            for name in match[1].partition(" : ")[0].split(","):
                found.setdefault(name.strip(), " ".join(match[2].split()))
    return found


def _lead(text: str) -> str:
    """What stands before the first section, as one paragraph per paragraph."""
    return "\n\n".join(" ".join(p.split()) for p in re.split(r"^\w+\n-+$", text, maxsplit=1, flags=re.M)[0].split("\n\n") if p.strip())


def _section(text: str, title: str) -> str:
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\w+\n-+$|\Z)", text, re.M | re.S)
    return match[1] if match else ""


def _markdown(text: str) -> str:
    """Markup of docstrings as Markdown."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or check it; the exit code is 1 if the check fails."""
    parser = argparse.ArgumentParser(description="Write docs/models.md from the declarations.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if the page is out of date")
    page = models_page()
    if not parser.parse_args(arguments).check:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{PAGE}: it is not what the declarations say; run `{COMMAND}`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
