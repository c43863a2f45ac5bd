"""One plasticity rule as Markdown: its equations typeset and its parameters."""

from __future__ import annotations

from collections.abc import Sequence

from spaic.Dynamics.document import aligned, assignment, equation, letter, parameter_table, sentence
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
    "on_reward": "On a reward",
}


def document_rule(rule: Rule, name: str = "", aliases: Sequence[str] = (), level: int = 3) -> str:
    """The section of a plasticity rule.

    Parameters
    ----------
    rule : Rule
        What is described.
    name : str, optional
        Heading; the rule's own name by default.
    aliases : sequence of str
        Other names under which it is registered.
    level : int
        Depth of the heading.

    Returns
    -------
    str
        Markdown; mathematics stands in ``math`` blocks.
    """
    parts = [f"{'#' * level} {name or rule.name}"]
    if aliases:
        parts.append("Also called " + ", ".join(f"`{a}`" for a in aliases) + ".")
    if rule.summary:
        parts.append(sentence(rule.summary))
    for side, model in rule.models.items():
        parts.append(f"{_SIDES[side]}\n\n{aligned(map(equation, model.lines))}")
    for side, names in (("presynaptic", rule.pre_reads), ("postsynaptic", rule.post_reads)):
        if names:
            parts.append(f"Read from the {side} neuron: {', '.join(f'${letter(n)}$' for n in names)}.")
    for when, sentence_start in _OCCASIONS.items():
        if when in rule.statements:
            parts.append(f"{sentence_start}:\n\n{aligned(map(assignment, rule.statements[when]))}")
    parts += parameter_table(rule.parameters)
    if rule.source:
        parts.append(f"Source: {rule.source}.")
    return "\n\n".join(parts) + "\n"
