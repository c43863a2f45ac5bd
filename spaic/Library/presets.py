"""Named parameters of the models in the Library: firing patterns of papers."""

from __future__ import annotations

from spaic.Dynamics.presets import add_preset
from spaic.Library.neurons.biophysical import adex, hodgkin_huxley, izhikevich
from spaic.Library.neurons.integrate_and_fire import lif
from spaic.Library.neurons.nonlinear import izhikevich_2007

_IZHIKEVICH_2003 = "Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569, fig. 2"
_IZHIKEVICH_2004 = "Izhikevich 2004, IEEE Trans. Neural Netw. 15:1063, fig. 1 and its code"
_NAUD = "Naud et al. 2008, Biol. Cybern. 99:335, table 1"
_NEURAPSE = "Neurapse, {}; Izhikevich 2007, Dynamical Systems in Neuroscience, chapter 8"

#: Name, what it does, then a, b, c, d.
_CORTICAL = (
    ("rs", "regular spiking, at I = 10", 0.02, 0.2, -65.0, 8.0),
    ("ib", "intrinsically bursting, at I = 10", 0.02, 0.2, -55.0, 4.0),
    ("ch", "chattering, at I = 10", 0.02, 0.2, -50.0, 2.0),
    ("fs", "fast spiking, at I = 10", 0.1, 0.2, -65.0, 2.0),
    ("tc", "thalamo-cortical, at I = 5; bursts after hyperpolarisation", 0.02, 0.25, -65.0, 0.05),
    ("rz", "resonator, at I = 5", 0.1, 0.26, -65.0, 2.0),
    ("lts", "low-threshold spiking, at I = 10", 0.02, 0.25, -65.0, 2.0),
)
_PATTERNS = (
    ("tonic_spiking", "spikes as long as the input lasts, at I = 14", 0.02, 0.2, -65.0, 6.0),
    ("phasic_spiking", "one spike at the onset, at I = 0.5", 0.02, 0.25, -65.0, 6.0),
    ("tonic_bursting", "bursts as long as the input lasts, at I = 15", 0.02, 0.2, -50.0, 2.0),
    ("phasic_bursting", "one burst at the onset, at I = 0.6", 0.02, 0.25, -55.0, 0.05),
    ("mixed_mode", "a burst, then single spikes, at I = 10", 0.02, 0.2, -55.0, 4.0),
    ("adaptation", "the rate falls, at I = 30", 0.01, 0.2, -65.0, 8.0),
    ("class_2", "does not fire below some 25 Hz, on a ramp of I", 0.2, 0.26, -65.0, 0.0),
    ("latency", "a short pulse is answered late", 0.02, 0.2, -65.0, 6.0),
    ("subthreshold_oscillations", "rings after a spike", 0.05, 0.26, -60.0, 0.0),
    ("resonator", "answers pairs of pulses in its own rhythm", 0.1, 0.26, -60.0, -1.0),
    ("rebound_spike", "a spike after inhibition", 0.03, 0.25, -60.0, 4.0),
    ("rebound_burst", "a burst after inhibition", 0.03, 0.25, -52.0, 0.0),
    ("threshold_variability", "inhibition lowers the threshold for what follows", 0.03, 0.25, -60.0, 4.0),
    ("bistability", "a pulse starts the firing, another one ends it", 0.1, 0.26, -60.0, 0.0),
    ("after_depolarisation", "stays depolarised after a spike", 1.0, 0.2, -60.0, -21.0),
)
for _source, _table in ((_IZHIKEVICH_2003, _CORTICAL), (_IZHIKEVICH_2004, _PATTERNS)):
    for _name, _summary, _a, _b, _c, _d in _table:
        add_preset(izhikevich, _name, _summary, _source, a=_a, b=_b, c=_c, d=_d)

#: Name, what it does, then C, g_L, E_L, a, tau_w, b, V_reset; V_T -50 mV, Delta_T 2 mV and V_peak 0 mV are common to all.
_ADEX = (
    ("tonic", "tonic spiking, at 500 pA", 200.0, 10.0, -70.0, 2.0, 30.0, 0.0, -58.0),
    ("adapting", "the rate falls, at 500 pA", 200.0, 12.0, -70.0, 2.0, 300.0, 60.0, -58.0),
    ("initial_burst", "a burst, then single spikes, at 400 pA", 130.0, 18.0, -58.0, 4.0, 150.0, 120.0, -50.0),
    ("regular_bursting", "bursts, at 210 pA", 200.0, 10.0, -58.0, 2.0, 120.0, 100.0, -46.0),
    ("delayed_accelerating", "late, then ever faster, at 300 pA", 200.0, 12.0, -70.0, -10.0, 300.0, 0.0, -58.0),
    ("delayed_regular_bursting", "late, then bursts, at 110 pA", 100.0, 10.0, -65.0, -10.0, 90.0, 30.0, -47.0),
    ("transient", "one spike at the onset, at 180 pA", 100.0, 10.0, -65.0, 10.0, 90.0, 100.0, -47.0),
    ("irregular", "chaotic spiking, at 160 pA", 100.0, 12.0, -60.0, -11.0, 130.0, 30.0, -48.0),
)
#: Neurapse's three; its ib and ch are Naud's initial and regular bursting.
_ADEX_NEURAPSE = (
    ("rs", "regular spiking, at 250 to 450 pA", 200.0, 10.0, -70.0, 2.0, 30.0, 0.0, -58.0),
    ("ib", "intrinsically bursting, at 250 to 450 pA", 130.0, 18.0, -58.0, 4.0, 150.0, 120.0, -50.0),
    ("ch", "chattering, at 250 to 450 pA", 200.0, 10.0, -58.0, 2.0, 120.0, 100.0, -46.0),
)
for _source, _rows in ((_NAUD, _ADEX), (_NEURAPSE.format("AEF").partition(";")[0], _ADEX_NEURAPSE)):
    for _name, _summary, *_numbers in _rows:
        _own = dict(zip(("C", "g_L", "E_L", "a", "tau_w", "b", "V_reset"), _numbers, strict=True))
        add_preset(adex, _name, _summary, _source, V_T=-50.0, Delta_T=2.0, V_peak=0.0, **_own)

#: Name, what it does, then C, k, V_r, V_t, a, b, c, d, V_peak.
_PHYSICAL = (
    ("rs", "regular spiking, at 400 to 600 pA", 100.0, 0.7, -60.0, -40.0, 0.03, -2.0, -50.0, 100.0, 35.0),
    ("ib", "intrinsically bursting, at 400 to 600 pA", 150.0, 1.2, -75.0, -45.0, 0.01, 5.0, -56.0, 130.0, 50.0),
    ("ch", "chattering, at 400 to 600 pA", 50.0, 1.5, -60.0, -40.0, 0.03, 1.0, -40.0, 150.0, 25.0),
)
for _name, _summary, *_numbers in _PHYSICAL:
    _own = dict(zip(("C", "k", "V_r", "V_t", "a", "b", "c", "d", "V_peak"), _numbers, strict=True))
    add_preset(izhikevich_2007, _name, _summary, _NEURAPSE.format("IZHIKEVICH"), **_own)

add_preset(
    hodgkin_huxley, "spaic", "the reversal potentials of SPAIC's hh", "SPAIC's hh, its potentials shifted by -65 mV",
    E_Na=55.0, E_K=-77.0, E_L=-54.4,
)  # fmt: skip
add_preset(hodgkin_huxley, "neurapse", "the leak of Neurapse's HH, at 15 uA/cm2", "Neurapse, HH", E_L=-55.0)
add_preset(
    lif, "neurapse", "300 pF and 30 nS, in mV and pA; Neurapse's step is integrator='rk2'", "Neurapse, LIF",
    tau_m=10.0, R=1 / 30, V_rest=-70.0, V_th=20.0, V_reset=-70.0, t_ref=2.0,
)  # fmt: skip
