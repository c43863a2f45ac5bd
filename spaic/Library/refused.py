"""Names of links, codes and synapses that users know from SPAIC and that are not here, with the reason and a way out."""

from __future__ import annotations

from spaic.registry import decoders, generators, learners, links, rules, synapses

links.refuse("null", "it connects nothing; leave the connection out")
links.refuse(
    "continuous_local",
    "its learning rule was a part of it; use 'locally_connected', whose windows have weights of their own, with a plasticity rule",
)
links.refuse(
    "complex_attention",
    "it needs complex spikes, which no neuron model sends; use a torch module with an attention of torch and neurons of spaic.Modules",
)
links.refuse(
    "mass2spike",
    "a link draws no random spikes; send the rate itself with pre_var_name='r', of which they are samples, "
    "or put a group of 'lif_escape', which fires at random, between the two",
)

_COMPLEX = "it reads complex spikes, which no neuron model sends; use 'spike_counts', 'first_spike' or 'null'"
for _name in ("count", "phase", "latency", "timing_distance", "trajectory", "conv"):
    decoders.refuse(f"complex_{_name}", _COMPLEX)
decoders.refuse("spike_conv", "it filters what was recorded; use 'null', which gives the spikes of every step, and a convolution of torch")
decoders.refuse("time_softmax", "it reads spikes that carry their time within the step; use 'first_spike' with a smaller dt")

generators.refuse(
    "poisson_generator2",
    "its spikes carry their time within the step; use 'poisson_generator', or the encoder 'exact_poisson' with the event backend",
)

_COMPLEX_SYNAPSE = "it sends complex numbers, which no neuron model takes; use 'second_order', with delay= on the connection"
synapses.refuse("mix_order_synapse", _COMPLEX_SYNAPSE)
synapses.refuse("delay_complex_synapse", _COMPLEX_SYNAPSE)
for _name in ("conv_transpose", "conv_transpose_synapse"):
    synapses.refuse(_name, "it is a link; give link_type='conv_transpose', and in syn_type only what comes besides it")

_RULES = {
    "meta_nearest_online_stdp": "its homeostasis moves whole rows after a run; use 'nearest_online_stdp', with w_norm= on the connection",
    "postpreintstdp": "it counts in whole numbers that it rounds at random; use 'nearest_online_stdp'",
    "switch_rstdp": "the sign of the reward chooses its parameters; use 'rstdp', or a spaic.Rule whose on_reward looks at it",
}
for _name, _reason in _RULES.items():
    rules.refuse(_name, _reason)
    learners.refuse(_name, _reason)  # users of SPAIC give it as an algorithm
learners.refuse("bp_rstdp", "SPAIC has the name and cannot build it; use 'rstdp' for rewards, or 'stca' for gradients")
learners.refuse("conv2d_stdp", "any rule works on a convolution; use 'stdp' on a connection with link_type='conv'")
learners.refuse("rate_modulate", "SPAIC has the name and cannot build it; add what rates should do to the loss of 'stca'")
