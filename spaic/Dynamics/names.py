"""Names that a step reads and writes besides those of its model."""

#: Counts down the steps that a refractory neuron still has to wait.
REFRACTORY = "refractory"
#: Suffix under which the value of a variable at the spike test, before the reset, can be read.
BEFORE_RESET = "_before_reset"


def arrival(port: str) -> str:
    """What arrives at `port`."""
    return f"arrival:{port}"


def normal_name(noise: str) -> str:
    """The standard normal number that a white noise draws in a step."""
    return f"normal:{noise}"
