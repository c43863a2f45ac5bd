"""Supervised local rules: a teacher tells each postsynaptic neuron when to fire, how often, or how wrong it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.errors import DeclarationError
from spaic.registry import neurons, rules

#: Port at which a teacher arrives, and the variable that holds what it said in a step.
PORT, TAUGHT = "teacher", "taught"

_TAU = Parameter(20.0, "ms", "decay of the traces", "(0, inf)")
_ETA = Parameter(1e-3, "1", "learning rate")
_READS: dict[str, Any] = dict(post_reads=(TAUGHT,))


def with_teacher(model: str | NeuronModel) -> NeuronModel:
    """A neuron model with one more port, ``"teacher"``: what arrives there in a step is its variable `taught`, and changes nothing else.

    Parameters
    ----------
    model : str or NeuronModel
        A registered neuron model, or a declaration.

    Examples
    --------
    >>> import spaic
    >>> with spaic.Network() as net:
    ...     pre, goal = (spaic.Encoder(num=n, coding_method="null") for n in (3, 1))
    ...     cell = spaic.NeuronGroup(1, model=with_teacher("lif"))
    ...     wire = spaic.Connection(pre, cell, weight=[[0.2, 0.2, 0.2]])
    ...     teacher = spaic.Connection(goal, cell, link_type="one_to_one", weight=1.0, post_var_name="teacher")
    ...     learner = spaic.PlasticityLearner(wire, "resume", eta=0.1)
    >>> net.set_backend("torch", dt=1.0)
    >>> net.pre([[[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]])
    >>> net.goal([[[0], [0], [1], [0]]])
    >>> net.run(4.0)
    >>> [round(w, 3) for w in net.wire.weight[0].tolist()]
    [0.291, 0.296, 0.201]
    """
    found = neurons[model] if isinstance(model, str) else model
    if not isinstance(found, NeuronModel):
        raise DeclarationError(f"with_teacher: {model!r} is no neuron model; give a registered name or a NeuronModel")
    if {PORT, TAUGHT} & {*found.variables, *found.parameters, *found.ports}:
        raise DeclarationError(f"with_teacher: {found.name!r} has a {PORT!r} or {TAUGHT!r} already; use it as it is")
    equations = f"{found.equations.rstrip()}\n{TAUGHT} := {PORT}"
    return replace(found, equations=equations, inputs=(*found.inputs, PORT), name=f"{found.name}_with_teacher")


resume = rules.add(
    "resume",
    Rule(
        name="resume",
        summary="A spike that the teacher asks for strengthens, one that is fired weakens, by a constant and the presynaptic trace.",
        source="Ponulak & Kasinski 2010, Neural Comput. 22:467, eq. 2.11, with exponential windows and no anticausal part",
        pre="dx/dt = -x / tau",
        on_pre="x += 1",
        on_post="w -= eta * (a + x)",
        end_step=f"w += eta * {TAUGHT} * (a + x)",
        parameters=dict(tau=_TAU, eta=Parameter(0.01, "1", "learning rate"), a=Parameter(0.01, "1", "change of all synapses of a neuron")),
        **_READS,
    ),
)

delta = rules.add(
    "delta",
    Rule(
        name="delta",
        summary="The weight changes by the presynaptic rate times what the postsynaptic rate lacks; the teacher says the rate per ms.",
        source="Widrow & Hoff 1960, IRE WESCON Conv. Rec. 4:96, with rates as traces of spikes",
        pre="dx/dt = -x / tau",
        post="dy/dt = -y / tau",
        on_pre="x += 1 / tau",
        on_post="y += 1 / tau",
        end_step=f"w += dt * eta * ({TAUGHT} - y) * x",
        parameters=dict(
            tau=Parameter(100.0, "ms", "time over which rates are taken", "(0, inf)"), eta=Parameter(1.0, "1", "learning rate")
        ),
        **_READS,
    ),
    aliases=("delta_rule", "widrow_hoff"),
)

pes = rules.add(
    "pes",
    Rule(
        name="pes",
        summary="Prescribed error sensitivity: the weight falls with the presynaptic rate times the error that the teacher says.",
        source="MacNeil & Eliasmith 2011, PLoS ONE 6:e22885, eq. 6; Bekolay et al. 2013, Front. Neuroinform. 7:48",
        pre="dx/dt = -x / tau",
        on_pre="x += 1 / tau",
        end_step=f"w -= dt * eta * {TAUGHT} * x",
        parameters=dict(tau=Parameter(5.0, "ms", "decay of the presynaptic trace", "(0, inf)"), eta=_ETA),
        **_READS,
    ),
)
