"""Neurons without reset, whose steps do not wait for one another: V is a filter of the input."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.errors import DeclarationError
from spaic.registry import neurons

_COUNTED = {1: "one step", 2: "two steps", 3: "three steps"}


def sliding_psn(order: int) -> NeuronModel:
    """A sliding parallel spiking neuron, ``NeuronGroup(100, model=sliding_psn(8))``; ``model="sliding_psn"`` is that of order 4.

    Parameters
    ----------
    order : int
        How many inputs V is a filter of, at least 1; its weights ``w_0`` (this step), ``w_1``, ... begin as 1, 1/2, 1/4, ...

    Returns
    -------
    NeuronModel
        Weights and threshold are trained.

    Raises
    ------
    DeclarationError
        If `order` is not a whole number above 0.

    Notes
    -----
    Source: Fang et al. 2023, NeurIPS, equations 9 and 10.

    Examples
    --------
    >>> from spaic.Library import sliding_psn
    >>> list(sliding_psn(2).parameters)
    ['w_0', 'w_1', 'V_th']
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise DeclarationError(f"sliding_psn.order: {order!r} is no number of inputs; give a whole number, at least 1")
    terms = " + ".join(["w_0 * I", *(f"w_{i} * I_{i}" for i in range(1, order))])
    shifts = [f"I_{i} := {f'I_{i - 1}' if i > 1 else 'I'}" for i in range(1, order)]
    ages = ["of this step", *(f"{_COUNTED.get(i, f'{i} steps')} ago" for i in range(1, order))]
    weights = {f"w_{i}": Parameter(0.5**i, "1", f"weight of the input {age}", trainable=True) for i, age in enumerate(ages)}
    return NeuronModel(
        name="sliding_psn",
        summary=f"Sliding parallel spiking neuron of order {order}: V is a learned filter of as many inputs, without reset.",
        source="Fang et al. 2023, NeurIPS (Parallel spiking neurons), eqs. 9-10, their initial weights 2^(i - k + 1)",
        equations="\n".join([f"V := {terms}", *shifts]),
        spike="V >= V_th",
        parameters={**weights, "V_th": Parameter(1.0, "1", "firing threshold", trainable=True)},
    )


neurons.add("sliding_psn", sliding_psn(4))
