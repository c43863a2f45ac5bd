"""The command line: ``spaic quickstart`` and ``spaic doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import spaic
from spaic.errors import SpaicError

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
            quickstart()
        elif arguments.command == "doctor":
            from spaic.doctor import report

            print(report())
        else:
            parser.print_help()
    except SpaicError as error:
        print(f"spaic: {error}", file=sys.stderr)
        return 1
    return 0


def quickstart(script: Path = QUICKSTART) -> None:
    """Print a script and run it in the current folder, where it leaves its figure.

    Parameters
    ----------
    script : Path
        A Python file.
    """
    import runpy

    print(script.read_text(encoding="utf-8"), flush=True)
    runpy.run_path(str(script), run_name="__main__")


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spaic", "spaic COMMAND [options]", _ABOUT, _MORE, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"spaic {spaic.__version__}")
    commands = parser.add_subparsers(dest="command", prog="spaic", help=argparse.SUPPRESS)  # _ABOUT lists them
    commands.add_parser("quickstart", description=_QUICKSTART, formatter_class=layout)
    commands.add_parser("doctor", description=_DOCTOR, formatter_class=layout)
    return parser


if __name__ == "__main__":
    sys.exit(main())
