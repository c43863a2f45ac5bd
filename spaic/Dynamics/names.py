"""What models may be called, and names that a step reads and writes besides those of its model."""

from spaic.errors import DeclarationError

#: Counts down the steps that a refractory neuron still has to wait.
REFRACTORY = "refractory"
#: Suffix under which the value of a variable at the spike test, before the reset, can be read.
BEFORE_RESET = "_before_reset"
#: Most characters of the name of a declaration, which begins names of files.
LONGEST = 100


def arrival(port: str) -> str:
    """What arrives at `port`."""
    return f"arrival:{port}"


def normal_name(noise: str) -> str:
    """The standard normal number that a white noise draws in a step."""
    return f"normal:{noise}"


def check_title(name: object, what: str, longest: int = LONGEST) -> None:
    """Refuse a name of a declaration that could not stand in a line of generated code, whose comments say what it was made from.

    Examples
    --------
    >>> check_title("adaptive lif (2nd version)", "model")
    >>> check_title("lif\\n", "model")
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: model: 'lif\\n' cannot be a name; give 1 to 100 printable characters, no quotes or backslashes
    """
    is_line = isinstance(name, str) and name.strip() and name.isprintable() and not set(name) & set("\"'\\")
    if is_line and len(str(name)) <= longest:
        return
    shown = repr(name) if len(str(name)) <= longest else f"one that begins with {str(name)[:20]!r}"
    raise DeclarationError(f"{what}: {shown} cannot be a name; give 1 to {longest} printable characters, no quotes or backslashes")
