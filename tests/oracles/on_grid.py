"""A neuron whose equations DOP853 integrates from step to step, with jumps, spikes and resets on the grid: what semantics.md promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

import spaic


@dataclass
class Truth:
    """Equations of a model, written down a second time and in another form than in the Library.

    Parameters
    ----------
    start : function of p
        Initial values, in the order of the equations.
    slopes : function of (y, I, p)
        Their slopes.
    read : function of (y, p)
        State of the model -> value.
    jump : function of (y, port, w, p), optional
        What an arriving amount does.
    fires : function of (y, p), optional
        Whether there is a spike.
    reset : function of (y, p), optional
        What it does; y is changed in place.
    drive : mapping
        Port -> amount that arrives in every third step (receive ports), or current.
    held : tuple of int
        Rows that a refractory period holds still.
    """

    start: Callable[[Any], Any]
    slopes: Callable[..., Any]
    read: Callable[..., Mapping[str, float]]
    jump: Callable[..., None] = lambda y, port, w, p: None
    fires: Callable[..., bool] = lambda y, p: False
    reset: Callable[..., None] = lambda y, p: None
    drive: Mapping[str, float] = field(default_factory=dict)
    held: tuple[int, ...] = (0,)
    given: Mapping[str, float] = field(default_factory=dict)


class Parameters(dict):  # type: ignore[type-arg]
    """Values by attribute."""

    __getattr__ = dict.__getitem__


def parameters_of(name: str, given: Mapping[str, float]) -> Parameters:
    """Numbers of all parameters; derived defaults are left to the truth."""
    model = spaic.registry.neurons[name]
    return Parameters({k: p.default for k, p in model.parameters.items() if not isinstance(p.default, str)} | dict(given))


def amounts(drive: Mapping[str, float], steps: int) -> dict[str, np.ndarray]:
    """Port -> what arrives in each step: jumps in every third one, currents that change every tenth."""
    step = np.arange(steps)
    return {
        port: np.where(step // 10 % 3 == 1, 1.5, 1.0) * size if port.startswith("I") else np.where(step % 3 == 0, size, 0.0)
        for port, size in drive.items()
    }


def follow(name: str, truth: Truth, dt: float, steps: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Spikes per step, and states after each."""
    p = parameters_of(name, truth.given)
    arriving = amounts(truth.drive, steps)
    y, waiting = np.array(truth.start(p), dtype=float), 0
    spikes, states = np.zeros(steps), []
    for n in range(steps):
        current = {port: x[n] for port, x in arriving.items() if port.startswith("I")}
        before = y.copy()
        y = solve_ivp(lambda t, y, c=current: truth.slopes(y, c, p), (0, dt), y, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        for port, x in arriving.items():
            if port not in current:
                truth.jump(y, port, x[n], p)
        if waiting:
            y[list(truth.held)] = before[list(truth.held)]
            waiting -= 1
        elif truth.fires(y, p):
            truth.reset(y, p)
            spikes[n], waiting = 1, round(p.get("t_ref", 0.0) / dt)
        states.append(truth.read(y, p))
    return spikes, {k: np.array([s[k] for s in states]) for k in states[0]}


def ours(name: str, truth: Truth, dt: float, steps: int, **group: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The same of the Library's model, run by the reference backend."""
    model = spaic.registry.neurons[name]
    arriving = amounts(truth.drive, steps)
    probe = truth.read(np.array(truth.start(parameters_of(name, truth.given)), float), parameters_of(name, truth.given))
    with spaic.Network() as net:
        net.cells = spaic.NeuronGroup(1, model=name, **truth.given, **group)
        for port in arriving:
            setattr(net, f"from_{port}", spaic.Encoder(num=1, coding_method="null"))
            wire = spaic.Connection(getattr(net, f"from_{port}"), net.cells, link_type="one_to_one", weight=np.ones(1), post_var_name=port)
            setattr(net, f"to_{port}", wire)
        watched = [spaic.StateMonitor(net.cells, variable) for variable in probe]
        spikes = spaic.SpikeMonitor(net.cells) if model.condition else None
    net.set_backend("reference", dt=dt)
    for port, x in arriving.items():
        getattr(net, f"from_{port}")(x.reshape(1, steps, 1))
    net.run(dt * steps)
    fired = spikes.values[0, 0] if spikes is not None else np.zeros(steps)
    return np.asarray(fired, float), {k: m.values[0, 0] for k, m in zip(probe, watched, strict=True)}
