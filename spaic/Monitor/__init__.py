"""What is recorded during a run."""

from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor

__all__ = ["SpikeMonitor", "StateMonitor"]
