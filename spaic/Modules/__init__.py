"""Neurons, connections and plasticity rules as torch modules, one step at a time, inside a module of your own."""

from spaic.keywords import refuse_misspelt
from spaic.Modules.connection import Connection, Conv2d, Linear
from spaic.Modules.neuron import Input, Neuron
from spaic.Modules.rule_stepper import RuleStepper
from spaic.Modules.stateful import Signal, Stateful, detach_state, reset_state

__all__ = ["Connection", "Conv2d", "Input", "Linear", "Neuron", "RuleStepper", "Signal", "Stateful", "detach_state", "reset_state"]

refuse_misspelt(globals(), __all__)
