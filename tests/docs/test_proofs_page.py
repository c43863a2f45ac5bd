"""Every neuron model has a proof, and the page that lists them is what the tests say."""

import re
import subprocess
import sys
from pathlib import Path

from spaic.Dynamics.integrate import ORDERS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proofs.md"
#: In a process of its own, as other tests add entries to the registries; what is measured is not measured again.
STALE = """
import sys; sys.path.insert(0, "docs")
import generate_proofs as g
g.order = lambda name, method: "measured"
print(g.page(), end="")
"""


def halves():
    """The measured orders, and the tests."""
    return PAGE.read_text(encoding="utf-8").split("## Tests")


def test_the_page_is_up_to_date():
    numbers = r"(?<=\| )(\*\*)?(\d\.\d\d|exact)(\*\*)?(?= \|)"
    done = subprocess.run([sys.executable, "-c", STALE], cwd=ROOT, check=False, capture_output=True, encoding="utf-8")
    assert re.sub(numbers, "measured", PAGE.read_text(encoding="utf-8")) == done.stdout, "run python docs/generate_proofs.py"


def test_every_neuron_is_proven():
    rows = re.findall(r"^\| \[(\w+)\]\(\S+\) \| [^|]+ \|(.*)\|$", halves()[1], re.M)
    assert len(rows) > 50
    assert [name for name, proof in rows if not proof.strip()] == [], "no test in tests/oracles"


def test_what_was_measured_is_the_order_of_the_method():
    rows = re.findall(r"^\| \[\w+\]\(\S+\) \| (.+) \|$", halves()[0], re.M)
    assert len(rows) > 7
    for row in rows:
        for cell, order in zip(row.split(" | "), ORDERS.values(), strict=True):
            assert cell.strip("*") == "exact" or abs(float(cell.strip("*")) - order) <= 0.15
