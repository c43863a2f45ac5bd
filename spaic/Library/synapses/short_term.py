"""Short-term plasticity: a presynaptic neuron that fires releases a part of what it has, and recovers."""

from __future__ import annotations

from spaic.Dynamics.models import SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import synapses

tsodyks_markram = synapses.add(
    "tsodyks_markram",
    SynapseModel(
        name="tsodyks_markram",
        summary="A spike releases the part u of the resources x; u grows with each spike (facilitation), x shrinks (depression).",
        source="Tsodyks, Pawelzik and Markram 1998, Neural Computation 10:821",
        equations="""
            du/dt = -u / tau_facil
            dx/dt = (1 - x) / tau_rec
            released := 0
        """,
        receive="u += U * (1 - u) * w; released = u * x * w; x -= released",
        inputs=(),
        initial={"x": 1.0},
        output="released",
        is_presynaptic=True,
        method="exact",
        parameters=dict(
            U=Parameter(0.5, "1", "part of the resources that the first spike releases", "(0, 1]"),
            tau_rec=Parameter(800.0, "ms", "recovery of the resources", "(0, inf)"),
            tau_facil=Parameter(20.0, "ms", "decay of the facilitation; a short one leaves depression alone", "(0, inf)"),
        ),
    ),
    aliases=("stp", "short_term_plasticity", "tsodyks_markram_synapse"),
)
