"""Names of neuron models that users know from elsewhere and that are not here, with the reason and a way out."""

from __future__ import annotations

from spaic.registry import neurons

_WITHIN = (
    "its spikes carry their time within the step to a learner of its own (SpikeProp), which a spike of 0 or 1 cannot; "
    "use {0} with a smaller dt"
)
neurons.refuse("slif", _WITHIN.format("'clif', which has its kernels,"))
neurons.refuse("selif", _WITHIN.format("'quadratic_if', which has its upstroke and resets within the step,"))
neurons.refuse(
    "psn",
    "a parallel spiking neuron reads all steps, those to come too, with a matrix of the length of the run; "
    "use 'sliding_psn', which reads the last four, or spaic.Library.ParallelSpikingNeurons(num, steps), which stands for a group",
)
neurons.refuse(
    "masked_psn",
    "its learned matrix has the length of the run; use 'sliding_psn', whose band of order 4 is the same at all times, or "
    "spaic.Library.ParallelSpikingNeurons(num, steps, order), which stands for a group",
)
