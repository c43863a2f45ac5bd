"""Neurons as torch modules: one call is one time step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaic.Backend.element import Element
from spaic.Backend.Torch.steps.primitives import PRIMITIVES
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.clock import Clock
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.names import arrival, normal_name
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, InputError, nearest, reject_unknown
from spaic.Modules.stateful import Signal, Stateful, drawn_seed, number_type
from spaic.Network.neurongroup import NeuronGroup
from spaic.registry import surrogates

#: Repeats its input and leaves a trace of it.
_RELAY = NeuronModel(
    equations="V := 0\ndr/dt = -r / tau_t",
    receive="V += w",
    spike="V > 0.5",
    reset="r += alpha_t / tau_t",
    parameters=dict(
        tau_t=Parameter(4.0, "ms", "decay of the trace", "(0, inf)"), alpha_t=Parameter(1.0, "1", "area of the trace of a spike, in ms")
    ),
    method="exact",
    name="relay",
)


class Neuron(Stateful):
    """Neurons of one model, for your own ``nn.Module``: a call takes what arrives in one step and returns the spikes.

    They are the equations that a :class:`~spaic.NeuronGroup` runs, in plain torch operations, with a surrogate gradient.

    Parameters
    ----------
    model : str or NeuronModel
        A registered name, or a declaration.
    shape : int or tuple of int
        Shape of the population, without batch.
    dt : float
        Time step in ms.
    output : str
        Variable that a call returns: the spikes, or for instance ``"V"`` of a readout that never fires.
    trace : str, optional
        State that travels with the spikes: a call returns a :class:`Signal` then.
    surrogate : str, Surrogate or None
        Derivative of the spike; None stops gradients.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    integrator : str, optional
        The model's own by default.
    trainable : iterable of str
        Parameters of the model that are torch parameters.
    seed : int, optional
        Of drawn parameters; by default torch's generator decides.
    **parameters
        Values of the model's parameters, as for a :class:`~spaic.NeuronGroup`.

    Examples
    --------
    >>> import torch
    >>> cells = Neuron("lif", 2, dt=1.0, tau_m=10.0)
    >>> [cells(torch.tensor([[0.4, 0.8]])).tolist() for _ in range(2)]
    [[[0.0, 0.0]], [[0.0, 1.0]]]
    >>> cells.state["V"].shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        model: str | NeuronModel,
        shape: int | tuple[int, ...],
        dt: float = 1.0,
        *,
        output: str = "O",
        trace: str | None = None,
        surrogate: str | Surrogate | None = "atan",
        reset_gradient: bool = True,
        integrator: str | None = None,
        trainable: Iterable[str] = (),
        seed: int | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__()
        group = NeuronGroup(model=model, shape=shape, integrator=integrator, trainable=trainable, **parameters)
        self.model, self.shape, self.clock = group.model, group.shape, Clock(dt)
        self.path = f"{type(self).__name__}({self.model.name})"
        self.output, self.trace_name = output, trace
        self._check_variables()
        self._declared = dict(
            path=self.path, shape=group.shape, model=group.model, given=group.parameters, initial=group.initial,
            integrator=group.integrator, trainable=group.trainable, surrogate=_surrogate(surrogate, self.path),
            reset_gradient=reset_gradient, wanted=frozenset({output, *((trace,) if trace else ())}), seed=drawn_seed(seed),
        )  # fmt: skip
        self._elements: dict[frozenset[str], Element] = {}
        self._numbers: dict[str, float] = {}
        for name, value in self.element(frozenset()).parameters.items():
            self._own(name, value, name in group.trainable)

    def element(self, connected: frozenset[str]) -> Element:
        """The equations with these ports in use."""
        if connected not in self._elements:
            self._elements[connected] = Element(connected=connected, **self._declared)  # type: ignore[arg-type]
        return self._elements[connected]

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter of the model as it is now."""
        return {name: self._numbers.get(name, getattr(self, name, None)) for name in self.model.parameters}

    @property
    def spikes(self) -> Tensor | None:
        """The spikes of the last step, or what `output` names; None before the first."""
        return self.state.get("output")

    @property
    def trace(self) -> Tensor | None:
        """The trace at the end of the last step; None before the first, or where there is none."""
        return self.state.get(self.trace_name or "")

    def last(self, batch: int) -> Tensor | Signal:
        """What it sent in the last step, for feedback; silence before the first.

        Parameters
        ----------
        batch : int
            Number of samples of the silence.
        """
        if self.spikes is not None:
            return self._sent()
        silence = torch.zeros((batch, *self.shape), device=next((t.device for t in (*self.parameters(), *self.buffers())), None))
        return silence if self.trace_name is None else Signal(silence, silence)

    def forward(self, x: Any) -> Tensor | Signal:
        """One step.

        Parameters
        ----------
        x : Tensor ``[batch, *shape]``, sequence of them, or mapping of str to either
            What arrives: several tensors are added up; a mapping says at which port of the model.

        Returns
        -------
        Tensor or Signal
            ``[batch, *shape]``.
        """
        arriving = self._arriving(x)
        first = next(iter(arriving.values()))
        dtype = self.state["output"].dtype if self.state else number_type(first)
        element = self.element(frozenset(arriving))
        parameters = self.values
        states = {s: self.state.get(s) for s in element.step.states}
        if not self.state:
            states = {s: self._full(element.initial_value(s, PRIMITIVES, parameters), first, dtype) for s in states}
        now: dict[str, Any] = {**states, **{arrival(port): amount.to(dtype) for port, amount in arriving.items()}}
        now |= {normal_name(n): torch.randn(first.shape, dtype=dtype, device=first.device) for n in element.step.noises}
        result = BoundTape(element, parameters, self.clock.dt, dtype).step({**now, "t": self.steps * self.clock.dt})
        for name in states:
            self._keep(name, self._full(result[name], first, dtype))
        self._keep("output", self._full(result[self.output], first, dtype))
        self.steps += 1
        return self._sent()

    def extra_repr(self) -> str:
        return f"{self.model.name!r}, shape={self.shape}, dt={self.clock.dt:g}"

    # --- parts

    def _sent(self) -> Tensor | Signal:
        spikes, trace = self.state["output"], self.trace
        return spikes if trace is None else Signal(spikes, trace)

    def _full(self, value: Any, like: Tensor, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(value, dtype=dtype, device=like.device).expand(len(like), *self.shape)

    def _own(self, name: str, value: np.ndarray, is_trained: bool) -> None:
        if hasattr(self, name):
            raise DeclarationError(f"{self.path}: {name!r} is a name that torch modules use themselves; rename the parameter")
        if is_trained:
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.get_default_dtype())))
        elif value.ndim:
            self.register_buffer(name, torch.tensor(value, dtype=torch.get_default_dtype()))
        else:
            self._numbers[name] = float(value)

    def _arriving(self, x: Any) -> dict[str, Tensor]:
        ports = self.model.ports
        given = x if isinstance(x, Mapping) else {ports[0]: x} if ports else {}
        if not given:
            raise InputError(f"{self.path}: nothing arrives, not even a batch; give a tensor, zeros for silence")
        reject_unknown(self.path, given, ports, "port")
        found = {}
        for port, amounts in given.items():
            several = [amounts] if isinstance(amounts, (Tensor, Signal)) or not isinstance(amounts, Sequence) else amounts
            tensors = [a.spikes if isinstance(a, Signal) else a for a in several]
            for tensor in tensors:
                self._check(tensor, self.shape, f"what arrives at {port!r}", "output")
            if not tensors:
                raise InputError(f"{self.path}: nothing arrives at {port!r}; give a tensor, or leave the port out")
            found[port] = sum(tensors[1:], tensors[0])
        return found

    def _check_variables(self) -> None:
        known = self.model.variables
        if self.output not in known:
            hint = "the model never fires; say for example output='V'" if self.output == "O" else nearest(self.output, known)
            raise DeclarationError(f"{self.path}.output: there is no variable {self.output!r}; {hint}")
        if self.trace_name is not None and self.trace_name not in self.model.states:
            hint = nearest(self.trace_name, self.model.states)
            raise DeclarationError(f"{self.path}.trace: there is no state {self.trace_name!r}; {hint}")
        if "output" in self.model.states:
            raise DeclarationError(f"{self.path}: a state is called 'output', which means what a call returns; rename it")


class Input(Neuron):
    """Repeats the spikes it gets and leaves a trace of them; a call returns a :class:`Signal`.

    Parameters
    ----------
    shape : int or tuple of int
        Shape, without batch.
    dt : float
        Time step in ms.
    tau_t : float
        Decay of the trace in ms.
    alpha_t : float
        Area of the trace that a spike leaves, in ms.
    """

    def __init__(self, shape: int | tuple[int, ...], dt: float = 1.0, tau_t: float = 4.0, alpha_t: float = 1.0) -> None:
        super().__init__(_RELAY, shape, dt, trace="r", surrogate=None, tau_t=tau_t, alpha_t=alpha_t)


def _surrogate(surrogate: Any, where: str) -> Surrogate | None:
    found = surrogates[surrogate] if isinstance(surrogate, str) else surrogate
    if found is not None and not isinstance(found, Surrogate):
        raise DeclarationError(f"{where}: a surrogate is a name, a Surrogate or None, got {surrogate!r}; give one of these")
    return found
