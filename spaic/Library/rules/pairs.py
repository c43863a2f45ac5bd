"""Spike-timing dependent plasticity of pairs of spikes."""

from __future__ import annotations

from typing import Any

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

_TAU_PLUS = Parameter(20.0, "ms", "decay of the presynaptic trace", "(0, inf)")
_TAU_MINUS = Parameter(20.0, "ms", "decay of the postsynaptic trace", "(0, inf)")
_A_PLUS = Parameter(0.01, "1", "potentiation of a pair, pre before post")
_A_MINUS = Parameter(0.0105, "1", "depression of a pair, post before pre")
_W_MAX = Parameter(1.0, "1", "weight at which potentiation ends", "(0, inf)")
_PAIR = dict(tau_plus=_TAU_PLUS, tau_minus=_TAU_MINUS, A_plus=_A_PLUS, A_minus=_A_MINUS)
_TRACES: dict[str, Any] = dict(pre="dx/dt = -x / tau_plus", post="dy/dt = -y / tau_minus")
_ALL: dict[str, Any] = dict(_TRACES, on_pre="w -= A_minus * y; x += 1", on_post="w += A_plus * x; y += 1")
_REVIEW = "Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459"

stdp = rules.add(
    "stdp",
    Rule(
        name="stdp",
        summary="Every pair of a presynaptic and a postsynaptic spike counts (all-to-all), whatever the weight.",
        source=f"Song, Miller & Abbott 2000, Nat. Neurosci. 3:919; {_REVIEW}, section 4.1",
        parameters=_PAIR,
        **_ALL,
    ),
    aliases=("pair_stdp", "additive_stdp", "all_to_all_stdp", "full_online_stdp"),
)

nearest_symmetric = rules.add(
    "nearest_symmetric_stdp",
    Rule(
        name="nearest_symmetric_stdp",
        summary="Each spike is paired with the last one of the other side only.",
        source=f"{_REVIEW}, figure 7A",
        on_pre="w -= A_minus * y; x = 1",
        on_post="w += A_plus * x; y = 1",
        parameters=_PAIR,
        **_TRACES,
    ),
    aliases=("nearest_stdp", "nearest_online_stdp"),
)

presynaptic_centred = rules.add(
    "presynaptic_centred_stdp",
    Rule(
        name="presynaptic_centred_stdp",
        summary="Each presynaptic spike is paired with the last and the next postsynaptic one.",
        source=f"{_REVIEW}, figure 7B",
        synapse="dx/dt = -x / tau_plus",
        post="dy/dt = -y / tau_minus",
        on_pre="w -= A_minus * y; x += 1",
        on_post="w += A_plus * x; x = 0; y = 1",
        parameters=_PAIR,
    ),
)

reduced_symmetric = rules.add(
    "reduced_symmetric_stdp",
    Rule(
        name="reduced_symmetric_stdp",
        summary="Only immediate neighbours are paired: each spike with the last of the other side, if none of its own came in between.",
        source=f"{_REVIEW}, figure 7C",
        synapse="dx/dt = -x / tau_plus\ndy/dt = -y / tau_minus",
        on_pre="w -= A_minus * y; y = 0; x = 1",
        on_post="w += A_plus * x; x = 0; y = 1",
        parameters=_PAIR,
    ),
)

multiplicative = rules.add(
    "multiplicative_stdp",
    Rule(
        name="multiplicative_stdp",
        summary="Changes shrink towards the bounds: potentiation with w_max - w, depression with w.",
        source="van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812; Rubin, Lee & Sompolinsky 2001, Phys. Rev. Lett. 86:364",
        on_pre="w -= A_minus * w * y; x += 1",
        on_post="w += A_plus * (w_max - w) * x; y += 1",
        parameters=dict(_PAIR, w_max=_W_MAX),
        **_TRACES,
    ),
)

power_law = rules.add(
    "power_law_stdp",
    Rule(
        name="power_law_stdp",
        summary="Potentiation grows with w to the power of mu, depression with w.",
        source="Morrison, Aertsen & Diesmann 2007, Neural Comput. 19:1437, eq. 2",
        on_pre="w -= A_minus * w * y; x += 1",
        on_post="w += A_plus * w_0**(1 - mu) * abs(w)**mu * x; y += 1",
        parameters=dict(
            _PAIR, mu=Parameter(0.4, "1", "exponent of the potentiation", "[0, 1]"), w_0=Parameter(1.0, "1", "reference weight", "(0, inf)")
        ),
        **_TRACES,
    ),
)

weight_dependent = rules.add(
    "weight_dependent_stdp",
    Rule(
        name="weight_dependent_stdp",
        summary="Between additive (mu = 0) and multiplicative (mu = 1): growth by (1 - w / w_max)**mu, depression by (w / w_max)**mu.",
        source="Guetig et al. 2003, J. Neurosci. 23:3697, eqs. 2-3",
        on_pre="w -= A_minus * w_max * abs(w / w_max)**mu * y; x += 1",
        on_post="w += A_plus * w_max * abs(1 - w / w_max)**mu * x; y += 1",
        parameters=dict(_PAIR, w_max=_W_MAX, mu=Parameter(0.5, "1", "exponent of the weight dependence", "[0, 1]")),
        **_TRACES,
    ),
)

anti_hebbian = rules.add(
    "anti_hebbian_stdp",
    Rule(
        name="anti_hebbian_stdp",
        summary="The window of stdp with its sign reversed: what predicts a spike is weakened.",
        source="Bell et al. 1997, Nature 387:278; Roberts & Bell 2000, J. Comput. Neurosci. 9:67",
        on_pre="w += A_minus * y; x += 1",
        on_post="w -= A_plus * x; y += 1",
        parameters=_PAIR,
        **_TRACES,
    ),
)

inhibitory = rules.add(
    "vogels_stdp",
    Rule(
        name="vogels_stdp",
        summary="Inhibitory plasticity: coincidence strengthens in either order, each presynaptic spike weakens, towards a target rate.",
        source="Vogels et al. 2011, Science 334:1569, eqs. 1-2 of the supplement",
        pre="dx/dt = -x / tau",
        post="dy/dt = -y / tau",
        on_pre="x += 1; w += eta * (y - 2 * rho_0 * tau)",
        on_post="y += 1; w += eta * x",
        parameters=dict(
            tau=Parameter(20.0, "ms", "decay of both traces", "(0, inf)"),
            eta=Parameter(0.001, "1", "learning rate"),
            rho_0=Parameter(0.005, "1/ms", "target rate of the postsynaptic neuron", "[0, inf)"),
        ),
    ),
    aliases=("inhibitory_stdp",),
)

diehl_cook = rules.add(
    "post_pre_stdp",
    Rule(
        name="post_pre_stdp",
        summary="Nearest spikes: a postsynaptic one strengthens by the presynaptic trace, a presynaptic one weakens a little by the other.",
        source="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, in the form of pre and post traces",
        on_pre="w -= nu_pre * y; x = 1",
        on_post="w += nu_post * x; y = 1",
        parameters=dict(
            tau_plus=_TAU_PLUS,
            tau_minus=_TAU_MINUS,
            nu_pre=Parameter(1e-4, "1", "learning rate of presynaptic spikes"),
            nu_post=Parameter(1e-2, "1", "learning rate of postsynaptic spikes"),
        ),
        **_TRACES,
    ),
)
