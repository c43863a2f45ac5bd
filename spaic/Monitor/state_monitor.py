"""Recording of state variables."""

from __future__ import annotations

from spaic.Monitor.monitor import Monitor


class StateMonitor(Monitor):
    """Records any variable of a group, node or connection.

    Parameters
    ----------
    target : NeuronGroup, Node or Connection
        Whose variable it is.
    var_name : str
        A state or value of the model (``"V"`` is the value at the end of a step, ``"V_before_reset"`` that at the spike
        test), ``"O"`` for spikes, ``"weight"``, a learned ``"delay"`` or ``"current"`` of a connection.
    index, dt, name, nbatch, file, overwrite, memory_limit
        As for every :class:`~spaic.Monitor.monitor.Monitor`.

    Examples
    --------
    >>> import spaic
    >>> with spaic.Network() as net:
    ...     cell = spaic.NeuronGroup(2, model="lif")
    ...     clamp = spaic.Generator(dec_target=cell, coding_method="constant_current")
    ...     trace = spaic.StateMonitor(cell, "V", index=[1], dt=5.0)
    >>> net.clamp(0.9)
    >>> net.run(20.0)
    >>> trace.values.shape, trace.times
    ((1, 1, 4), array([ 5., 10., 15., 20.]))
    >>> trace.between(5.0, 15.0).times
    array([10., 15.])
    """
