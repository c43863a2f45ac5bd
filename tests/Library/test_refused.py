"""Names of SPAIC that have no meaning here are answered with the reason and a way out, which is there."""

import re

import pytest

import spaic
from spaic import registry
from spaic.errors import UnknownName

KINDS = {k: getattr(registry, k) for k in ("links", "decoders", "generators", "synapses", "rules", "learners")}
NAMED = [(kind, name) for kind, names in KINDS.items() for name in names.refused]
#: Every name that a message may send to.
THERE = {n for names in vars(registry).values() if isinstance(names, registry.Registry) for m in names for n in (m, *names.aliases(m))}


@pytest.mark.parametrize("kind, name", NAMED)
def test_the_reason_names_what_there_is(kind, name):
    names = KINDS[kind]
    assert name not in names and name not in list(names)
    with pytest.raises(UnknownName, match=f"(?i)^{names.kind} '{name}': .+; ") as found:
        names.canonical(name.upper())
    advised = set(re.findall(r"'(\w+)'", str(found.value).partition("; ")[2])) - {"r"}
    assert advised <= THERE


def test_there_are_such_names_of_every_kind():
    assert {kind for kind, _ in NAMED} == set(KINDS)


@pytest.mark.parametrize("make, says", [
    (lambda g: spaic.Connection(g, g, link_type="null"), "link type 'null': .*leave the connection out"),
    (lambda g: spaic.Connection(g, g, syn_type="delay_complex_synapse"), "synapse model 'delay_complex_synapse': .*complex numbers"),
    (lambda g: spaic.Connection(g, g, syn_type=["conv_transpose", "dropout"]), "give link_type='conv_transpose'"),
    (lambda g: spaic.Decoder(dec_target=g, coding_method="complex_phase"), "decoder 'complex_phase': .*complex spikes"),
    (lambda g: spaic.Learner(algorithm="switch_rstdp"), "learning algorithm 'switch_rstdp': .*use 'rstdp'"),
    (lambda g: spaic.PlasticityLearner(g, "Switch RSTDP"), "plasticity rule 'Switch RSTDP': .*use 'rstdp'"),
    (lambda g: spaic.Generator(3, coding_method="poisson_generator2"), "generator 'poisson_generator2': .*'poisson_generator'"),
])  # fmt: skip
def test_elements_pass_the_reason_on(make, says):
    with pytest.raises(UnknownName, match=says):
        make(spaic.NeuronGroup(3, model="lif"))
