"""Plasticity of a link: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spaic.Dynamics.rules import Rule

#: How the changes that the samples of a batch ask for become one; the last one at the end of a run only.
PER_SAMPLE = "per_sample"
REDUCTIONS = ("sum", "mean", PER_SAMPLE)


@dataclass(frozen=True, eq=False)
class Plasticity:
    """A rule at work on the weights of a link.

    Attributes
    ----------
    name : str
        Path under which its states are found, ``<name>.<state>``.
    link : str
        Path of the link.
    rule : Rule
        The declaration.
    parameters : mapping of str to float
        Values of all parameters of the rule.
    reduction : str or None
        ``"sum"`` or ``"mean"`` over the samples of a batch; ``"per_sample"``: each has weights of its own during a run, and their mean is
        what was learned; None allows one sample only.
    """

    name: str
    link: str
    rule: Rule
    parameters: Mapping[str, float] = field(default_factory=dict)
    reduction: str | None = None
