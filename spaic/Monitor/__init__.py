"""What is recorded during a run, where it is kept, and how it is read."""

from spaic.Monitor.recording import Recording
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor

__all__ = ["Recording", "SpikeMonitor", "StateMonitor"]
