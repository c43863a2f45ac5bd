"""The command line: ``spaic quickstart`` and ``spaic doctor``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import spaic
from spaic.errors import DataError, DeclarationError, SpaicError

#: The script of ``spaic quickstart``; ``examples/quickstart.py`` of the repository is the same file.
QUICKSTART = Path(__file__).parent / "examples" / "quickstart.py"

_ABOUT = """\
Spiking neural networks, declared once, executed many ways.

commands:
  quickstart     train a spiking network on handwritten digits, and plot it
  doctor         see what this installation has, and what it lacks
"""

_MORE = """\
first steps:
  spaic quickstart             train, test, and save quickstart.png
  spaic quickstart --help      more about a command
"""

_QUICKSTART = """\
Print a script of a few lines, then run it: it trains a spiking network on the
handwritten digits that come with spaic, tests it, and saves a figure. Copy the
script to start a project of your own.
"""

_DOCTOR = """\
Report the versions, devices, backends and data that spaic finds here, what is
missing, and how to get it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process otherwise.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "quickstart":
            quickstart(arguments.epochs, arguments.out)
        elif arguments.command == "doctor":
            from spaic.doctor import report

            print(report())
        else:
            parser.print_help()
    except SpaicError as error:
        print(f"spaic: {error}", file=sys.stderr)
        return 1
    return 0


def quickstart(epochs: int | None = None, out: Path | None = None, script: Path = QUICKSTART) -> None:
    """Print a script and run exactly what was printed.

    Parameters
    ----------
    epochs : int, optional
        Passes through the training data; the script's own number otherwise.
    out : Path, optional
        Where the figure goes; the script's own choice otherwise.
    script : Path
        A Python file whose lines ``epochs = ...`` and ``picture = ...`` these two replace.
    """
    if out is not None and not out.absolute().parent.is_dir():
        raise DataError(f"--out: the folder {str(out.absolute().parent)!r} is not there; make it or name another one")
    text = script.read_text(encoding="utf-8")
    if epochs is not None:
        text = _assign(text, "epochs", epochs)
    if out is not None:
        text = _assign(text, "picture", str(out))
    print(text, flush=True)
    # Compiled under its own path, so that a traceback shows the script's lines; in names of its own, so that nothing leaks.
    exec(compile(text, str(script), "exec"), {"__name__": "__main__", "__file__": str(script)})


def _assign(text: str, name: str, value: object) -> str:
    """`text` with the one line that assigns `name` assigning `value`.

    Examples
    --------
    >>> _assign("epochs = 5  # passes", "epochs", 1)
    'epochs = 1  # passes'
    """
    changed, count = re.subn(rf"(?m)^{name} = (\"[^\"]*\"|\S+)", lambda _: f"{name} = {value!r}", text)
    if count != 1:
        raise DeclarationError(f"{name}: the script assigns it in {count} lines of the form '{name} = ...'; it must be one")
    return changed


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spaic", "spaic COMMAND [options]", _ABOUT, _MORE, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"spaic {spaic.__version__}")
    commands = parser.add_subparsers(dest="command", prog="spaic", help=argparse.SUPPRESS)  # _ABOUT lists them
    quick = commands.add_parser("quickstart", description=_QUICKSTART, formatter_class=layout)
    quick.add_argument("--epochs", type=_positive, metavar="N", help="passes through the training images (default: the script's)")
    quick.add_argument("--out", type=Path, metavar="FILE", help="where to save the figure (default: quickstart.png)")
    commands.add_parser("doctor", description=_DOCTOR, formatter_class=layout)
    return parser


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number; give 1 or more") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; give 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
