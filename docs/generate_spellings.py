"""Writes docs/spellings.md from spaic/spellings.py. ``python docs/generate_spellings.py --check`` says whether the page is up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from spaic import spellings

PAGE = Path(__file__).with_name("spellings.md")
COMMAND = "python docs/generate_spellings.py"

_HEAD = f"""\
<!-- Written by `{COMMAND}` from spaic/spellings.py; do not edit it by hand. -->

# What SPAIC's users write

Names and calls of SPAIC that are understood here, and what they mean. They are translated where they are written, in one place
(`spaic/spellings.py`); everything behind it knows only our names. The same thing given under two names is refused. A few names of PyTorch,
snnTorch and SpikingJelly are understood, too.
[from_spaic.md](tutorials/from_spaic.md) says what else changed, and why.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, "## Calls\n", _table(("SPAIC", "here"), ((f"`{call}`", meaning) for call, meaning in spellings.CALLS.items()))]
    rows = [(f"`{where}`", f"`{a}`", f"`{b}`") for where, names in spellings.KEYWORDS.items() for a, b in names.items()]
    parts += ["## Keywords\n", _table(("of", "SPAIC", "here"), rows)]
    rows = [(kind, f"`{a}`", f"`{b}`") for kind, names in spellings.NAMES.items() for a, b in names.items()]
    parts += ["## Names\n", _table(("what", "SPAIC", "here"), rows)]
    rows = [(f"`{where}`", f"`{a}`", f"`{b}`") for where, names in spellings.ATTRIBUTES.items() for a, b in names.items()]
    parts += ["## Attributes and methods\n", _table(("of", "SPAIC", "here"), rows)]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Write the page, or say whether it is up to date."""
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{PAGE}: it is not what the tables say; run `{COMMAND}`\n")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
