"""Writes docs/gallery.md and its pictures: what each neuron model does with a constant input."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

import spaic
from spaic.Dynamics.document import sentence
from spaic.Dynamics.expression import Expression
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.presets import presets
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.system import derive
from spaic.registry import neurons

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  after the backend is chosen

PAGE = Path(__file__).with_name("gallery.md")
PICTURES = Path(__file__).with_name("gallery")
COMMAND = "python docs/generate_gallery.py"
LEVELS, SHOWN = 41, 200.0
_BLUE, _ORANGE, _GREY = "#1f5fa8", "#d1661a", "#8a8a8a"
_HEAD = f"""\
<!-- Written by `{COMMAND}` from the declarations in spaic/Library; do not edit it by hand. -->

# What the neuron models do

Each model under a constant input, with its default parameters. On the left how often it fires (or, where it never fires, what it ends
at) as a function of the input, in the middle the potential at the input that the dot marks, on the right the phase plane of that run: for
one equation its slope over the potential, with this input (line) and with none (dashed); for two the path between the nullclines (dashed
where the first state rests, dotted the second); for more the path of the first two states; for models that count in steps the
potential over that of the step before. Equations and parameters are in [models.md](models.md). Input goes to the current port; where there
is none, or where synapses have states of their own, an amount per ms goes to the first port in every step. Models that count in steps
have steps of 1 ms here, the others of 0.1 ms.
"""

#: Model -> largest input; 3 where a threshold of 1 is to be reached.
TOP = {
    "aclif": 0.3, "adex": 1500.0, "alif_linear_trace": 0.6, "alif_stdp_ex": 0.2, "clif": 0.3, "clif2k": 0.3, "cuba": 0.6,
    "cuba_exc_inh": 8.0, "cubali": 0.6, "darwin_alif": 3000.0, "darwin_clif": 3000.0, "darwin_random": 5000.0, "diehl_cook": 3.0,
    "exponential_if": 300.0, "gif": 400.0, "glif": 10.0, "hodgkin_huxley": 40.0, "if": 0.2, "if_bias": 0.2, "if_soft_reset": 0.2,
    "if_trace": 0.5, "izhikevich": 30.0, "izhikevich_2007": 600.0, "lif_alpha": 0.2, "lif_cond": 0.3, "lif_double_exp": 0.4,
    "lif_int": 0.5, "lif_linear_trace": 0.6, "lif_stdp_ex": 1.0, "lif_stdp_ih": 5.0, "lifm": 0.3, "nonspiking_if": 0.1,
    "nonspiking_lif": 0.3, "pclif": 0.6, "quadratic_if": 900.0, "relay": 1.0, "resonate_and_fire": 1.3, "sliding_psn": 1.0,
    "wilson_cowan": 8.0,
}  # fmt: skip


def main() -> None:
    """Write the page and all pictures, or those of the models named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these models")
    chosen = parser.parse_args().names or list(neurons)
    PICTURES.mkdir(exist_ok=True)
    for name in chosen:
        picture(name, PICTURES / f"{name}.png")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name in neurons:
        model = neurons[name]
        known = ", ".join(f"`{p}`" for p in presets(model))
        extra = f" Presets: {known}." if known else ""
        parts.append(f"## {name}\n\n{sentence(model.summary)}{extra}\n\n![{name}](gallery/{name}.png)\n")
    return "\n".join(parts)


def picture(name: str, path: Path) -> None:
    """The panels of one model."""
    model = neurons[name]
    levels = np.linspace(0.0, TOP.get(name, 3.0), LEVELS)
    rates, spikes, times, traces = respond(model, levels)
    shown = chosen_level(rates)
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 1.7), width_ratios=[1, 2, 1], layout="constrained")
    _draw_response(axes[0], model, levels, rates, shown)
    _draw_trace(axes[1], model, times, {k: v[shown] for k, v in traces.items()}, spikes[shown])
    breaks = np.flatnonzero(spikes[shown])  # a reset is no path
    _draw_phases(axes[2], model, {k: np.insert(v[shown], breaks, np.nan) for k, v in traces.items()}, levels[shown])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=6)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=90, metadata={"Software": None})
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(32, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)  # a third of the size


def drive(model: NeuronModel) -> str:
    """The port that gets the input: a current, if the arriving spikes only move the potential."""
    port = model.ports[0]
    has_synapse = port in model.receives and all(s.name != _potential(model) for s in model.receives[port])
    return port if has_synapse or not model.currents else model.currents[0]


def respond(model: NeuronModel, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Rates in Hz (or last values), spikes and states ``[level, step]`` of one neuron per level."""
    dt = 0.1 if any(line.kind == "ode" for line in model.lines) else 1.0
    port = drive(model)
    amount = levels if port in model.currents else levels * dt
    with spaic.Network() as net:
        source = spaic.Encoder(num=LEVELS, coding_method="direct")
        cells = spaic.NeuronGroup(LEVELS, model=model)
        net.wire = spaic.Connection(source, cells, link_type="one_to_one", weight=np.ones(LEVELS), post_var_name=port)
        seen = [spaic.StateMonitor(cells, v) for v in (*model.states, *(["V"] if _potential(model) not in model.states else []))]
        fired = spaic.SpikeMonitor(cells) if model.condition else None
    net.set_backend("torch", dt=dt, dtype="float64", kernels="plain")
    net.source(amount[None])
    net.run(500.0)
    times = np.asarray(seen[0].times)
    traces = {m.var_name: np.asarray(m.values[0]) for m in seen}
    spikes = np.asarray(fired.values[0], float) if fired else np.zeros((LEVELS, len(times)))
    rates = spikes[:, times > 100.0].sum(1) / 0.4 if fired else traces[_potential(model)][:, -1]
    return rates, spikes, times, traces


def chosen_level(rates: np.ndarray) -> int:
    """The input whose trace is shown: the first with a third of the largest rate."""
    return int(np.argmax(rates >= rates.max() / 3)) if rates.max() > 0 else LEVELS // 2


def _potential(model: NeuronModel) -> str:
    return "V" if "V" in model.variables else model.states[0]


def _draw_response(axis: Any, model: NeuronModel, levels: np.ndarray, rates: np.ndarray, shown: int) -> None:
    axis.plot(levels, rates, color=_BLUE, lw=1)
    axis.plot(levels[shown], rates[shown], "o", color=_ORANGE, ms=4)
    port = drive(model)
    unit = model.units.get(port, "") if port in model.currents else "per ms"
    axis.set_xlabel(f"{port} ({unit})" if unit else port, fontsize=7)
    axis.set_ylabel("spikes / s" if model.condition else f"{_potential(model)} at the end", fontsize=7)


def _draw_trace(axis: Any, model: NeuronModel, times: np.ndarray, traces: Mapping[str, np.ndarray], spikes: np.ndarray) -> None:
    name = _potential(model)
    part = times <= SHOWN
    axis.plot(times[part], traces[name][part], color=_BLUE, lw=0.8)
    at = times[part][spikes[part] > 0]
    if len(at):
        axis.plot(at, np.full(len(at), 1.04), "|", color=_ORANGE, ms=5, transform=axis.get_xaxis_transform(), clip_on=False)
    axis.set_xlabel("ms", fontsize=7)
    unit = model.units.get(name, "")
    axis.set_ylabel(f"{name} ({unit})" if unit else name, fontsize=7)


def _draw_phases(axis: Any, model: NeuronModel, traces: Mapping[str, np.ndarray], level: float) -> None:
    moving = [line.name for line in model.lines if line.kind == "ode"]
    if not moving:
        v = traces[_potential(model)]
        axis.plot(v[:-1], v[1:], ".", color=_BLUE, ms=1.5)
        axis.set_xlabel(_potential(model), fontsize=7)
        axis.set_ylabel("one step later", fontsize=7)
    elif len(moving) == 1:
        _draw_line(axis, model, moving[0], traces[moving[0]], level)
    elif len(moving) == 2:
        _draw_plane(axis, model, {k: traces[k] for k in moving}, level)
    else:
        axis.plot(traces[moving[0]], traces[moving[1]], color=_BLUE, lw=0.6)
        axis.set_xlabel(moving[0], fontsize=7)
        axis.set_ylabel(moving[1], fontsize=7)


def _draw_line(axis: Any, model: NeuronModel, name: str, path: np.ndarray, level: float) -> None:
    x = np.linspace(np.nanmin(path), np.nanmax(path), 200)
    for amount, style in ((level, "-"), (0.0, "--")):
        axis.plot(x, slopes(model, {name: x}, amount)[name], style, color=_BLUE if amount else _GREY, lw=0.8)
    axis.axhline(0.0, color=_GREY, lw=0.4)
    axis.set_xlabel(name, fontsize=7)
    axis.set_ylabel(f"d{name}/dt", fontsize=7)


def _draw_plane(axis: Any, model: NeuronModel, path: Mapping[str, np.ndarray], level: float) -> None:
    (a, x), (b, y) = path.items()
    axis.plot(x, y, color=_BLUE, lw=0.6)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    grid = np.meshgrid(np.linspace(left, right, 80), np.linspace(low, high, 80))
    for (name, slope), style in zip(slopes(model, {a: grid[0], b: grid[1]}, level).items(), ("--", ":"), strict=True):
        if np.ptp(np.sign(slope)) > 0 and name in path:
            axis.contour(*grid, slope, levels=[0.0], colors=_GREY, linestyles=style, linewidths=0.8)
    axis.set_xlabel(a, fontsize=7)
    axis.set_ylabel(b, fontsize=7)


def slopes(model: NeuronModel, states: Mapping[str, np.ndarray], level: float) -> dict[str, np.ndarray]:
    """Time derivatives of the states where they have these values, under the input `level`."""
    found, port = derive(model, {}).slopes, drive(model)
    tape = lower(((f"{k}:", v) for k, v in found.items()), {k: f"{k}:" for k in found}, ())
    values: dict[str, Any] = {**dict.fromkeys(model.currents, 0.0), **states, port: level, "w": level, "t": 0.0}
    for name in model.default_order:
        default = model.parameter(name).default
        values[name] = _number(default, values) if isinstance(default, str) else default
    shape = next(iter(states.values())).shape
    result = tape.run(PRIMITIVES, {k: values[k] for k in tape.inputs})
    for added in model.receives.get(port, ()):
        result[added.name] = result[added.name] + _number(added.right.text, values)  # level is an amount per ms
    return {k: np.broadcast_to(v, shape) for k, v in result.items()}


def _number(text: str, values: Mapping[str, Any]) -> Any:
    tape = lower([("x:", Expression(text, "default").sympy)], {"x": "x:"}, ())
    return tape.run(PRIMITIVES, {k: values[k] for k in tape.inputs})["x"]


if __name__ == "__main__":
    main()
