"""One plasticity rule as Markdown: its equations typeset and its parameters."""

from __future__ import annotations

from collections.abc import Sequence

from spaic.Dynamics.document import aligned, assignment, equation, letter, section
from spaic.Dynamics.rules import Rule

_SIDES = {
    "pre": "Each presynaptic neuron has",
    "post": "Each postsynaptic neuron has",
    "synapse": "Each synapse has",
    "modulator": "Each sample has",
}
_OCCASIONS = {
    "each_step": "In every step, from the values at its start",
    "on_pre": "When a spike arrives",
    "on_post": "When the postsynaptic neuron fires",
    "end_step": "Last in every step",
    "on_reward": "On a reward",
}


def document_rule(rule: Rule, name: str = "", aliases: Sequence[str] = (), level: int = 3) -> str:
    """The section of a plasticity rule, as :func:`spaic.Dynamics.document.document` has those of models."""
    parts = [f"{_SIDES[side]}\n\n{aligned(map(equation, model.lines))}" for side, model in rule.models.items()]
    for side, names in (("presynaptic", rule.pre_reads), ("postsynaptic", rule.post_reads)):
        if names:
            parts.append(f"Read from the {side} neuron: {', '.join(f'${letter(n)}$' for n in names)}.")
    parts += [f"${letter(name)}$ is the largest of all ${letter(of)}$." for name, of in rule.largest.items()]
    said = {when: aligned(map(assignment, statements)) for when, statements in rule.statements.items()}
    parts += [f"{start}:\n\n{said[when]}" for when, start in _OCCASIONS.items() if when in said]
    return section(rule, parts, name, aliases, level)
