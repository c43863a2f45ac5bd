"""What a file says about the recordings in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.Monitor.needs import sample_shape
from spaic.Monitor.series import SpikeTrains
from spaic.Network.plan import Plan


def facts(monitor: Any, plan: Plan) -> dict[str, Any]:
    """What is recorded, from where and how: the attributes of the group of a monitor.

    `unit` is there where the model declares one, `batch` where the variable has a value for every sample of the batch, and
    `index` where only some neurons are recorded.
    """
    shape, has_batch = sample_shape(plan.graph, monitor.reads)
    model = getattr(monitor.target, "synapse", None) or getattr(monitor.target, "model", None)
    unit = getattr(model, "units", {}).get(monitor.var_name.removesuffix("_before_reset"))
    optional = {"index": monitor.index, "unit": unit, "batch": plan.batch if has_batch else None}
    return {
        "kind": "spikes" if isinstance(monitor, SpikeTrains) else "state",
        "target": monitor.target.path,
        "variable": monitor.var_name,
        "reads": monitor.reads,
        "dt": plan.clock.dt,
        "every": plan.clock.steps(monitor.interval, f"{monitor.path}.dt") if monitor.interval is not None else 1,
        "shape": np.array(shape, np.int64),
        **{k: v for k, v in optional.items() if v is not None},
    }
