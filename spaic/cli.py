"""The command line: ``spaic quickstart``, ``list``, ``train``, ``inspect``, ``diff`` and ``doctor``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import spaic
from spaic.errors import SpaicError, nearest
from spaic.IO import experiment, inspection

#: The script of ``spaic quickstart``; ``examples/quickstart.py`` of the repository is the same file.
QUICKSTART = Path(__file__).parent / "examples" / "quickstart.py"

_ABOUT = """\
Spiking neural networks, declared once, executed many ways.

commands:
  quickstart     train a spiking network on handwritten digits, and plot it
  list           see what can be named: neurons, links, encoders, networks, ...
  train          carry out the training that a file declares; --resume goes on
  inspect        see what a saved network holds
  diff           see where two saved networks differ
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

_LIST = """\
Print everything that can be named in spaic, with a line on what it is. A kind
(neurons, synapses, links, encoders, networks, ...) shows that kind only; any
other word is looked for in names and summaries.
"""

_TRAIN = """\
Carry out the training that a YAML, JSON or TOML file declares: network, data,
optimizer, epochs, checkpoint. Ctrl-C saves and stops; --resume goes on from the
checkpoint as if it had never stopped.
"""

_INSPECT = """\
Print what a file of net.save holds: elements, weights, training, versions. The
file is checked against its SHA-256 first.
"""

_DIFF = """\
Print where two files of net.save differ: elements, weights, optimizer and neuron
states. The exit code is 0 if they hold the same, 1 if not.
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
            return examine(arguments.clear_cache)
        elif arguments.command == "list":
            print(named(arguments.word))
        elif arguments.command == "train":
            return train(arguments.config, arguments.resume, arguments.quiet)
        elif arguments.command == "inspect":
            print(inspection.inspect(arguments.file))
        elif arguments.command == "diff":
            return difference(arguments.a, arguments.b)
        else:
            parser.print_help()
    except SpaicError as error:
        print(f"spaic: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def train(config: str, resume: bool, quiet: bool) -> int:
    """Train as a file says, print how it went, and return the exit code."""
    try:
        _, history = experiment.train(config, resume, progress=False if quiet else None)
    except KeyboardInterrupt:
        print(f"spaic: stopped; `spaic train {config} --resume` goes on, if the file names a checkpoint", file=sys.stderr)
        return 130
    last = f"loss {history.loss[-1]:.4f}, accuracy {history.accuracy[-1]:.2%}" if history.loss else "nothing was left to do"
    tested = f", test accuracy {history.test_accuracy[-1]:.2%}" if history.test_accuracy else ""
    print(f"{len(history.loss)} epoch{'s' if len(history.loss) != 1 else ''}: {last}{tested}")
    return 0


def examine(clears_cache: bool) -> int:
    """Print what this installation has, or remove compiled kernels, and return the exit code."""
    from spaic.Backend.Kernels.compiling import cache
    from spaic.doctor import report

    print(f"{cache.clear() / 2**20:.1f} MiB of compiled kernels removed from {cache.wanted()}" if clears_cache else report())
    return 0


def named(word: str | None) -> str:
    """What ``spaic list`` prints."""
    from spaic.catalogue import listing

    return listing(word)


def difference(a: str, b: str) -> int:
    """Print where two files differ, and return the exit code."""
    found = inspection.diff(a, b)
    print(found or "no difference")
    return 1 if found else 0


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
    figure = Path("quickstart.png").resolve()
    if figure.exists():
        print(f"the figure is {figure}")


class _Parser(argparse.ArgumentParser):
    """Answers a command that is not known with the nearest one."""

    def _check_value(self, action: argparse.Action, value: str) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(None, f"there is no command {value!r}; {nearest(value, action.choices)}")


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = _Parser("spaic", "spaic COMMAND [options]", _ABOUT, _MORE, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"spaic {spaic.__version__}")
    commands = parser.add_subparsers(dest="command", prog="spaic", help=argparse.SUPPRESS)  # _ABOUT lists them
    commands.add_parser("quickstart", description=_QUICKSTART, formatter_class=layout)
    parse = commands.add_parser("list", description=_LIST, formatter_class=layout)
    parse.add_argument("word", nargs="?", help="a kind, such as neurons, or what to look for, such as ada")
    parse = commands.add_parser("train", description=_TRAIN, formatter_class=layout)
    parse.add_argument("config", help="file that declares the training")
    parse.add_argument("--resume", action="store_true", help="go on from the checkpoint that the file names")
    parse.add_argument("--quiet", action="store_true", help="show no progress bar")
    parse = commands.add_parser("inspect", description=_INSPECT, formatter_class=layout)
    parse.add_argument("file", help="file of net.save")
    parse = commands.add_parser("diff", description=_DIFF, formatter_class=layout)
    parse.add_argument("a", help="file of net.save")
    parse.add_argument("b", help="another one")
    parse = commands.add_parser("doctor", description=_DOCTOR, formatter_class=layout)
    parse.add_argument("--clear-cache", action="store_true", help="remove all compiled kernels instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
