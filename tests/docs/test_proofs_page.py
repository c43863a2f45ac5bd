"""Every neuron model has a proof, and the page that lists them is what the tests say."""

import re

from spaic.Dynamics.integrate import ORDERS
from tests.docs.pages import generated, written


def halves():
    """The measured orders, and the tests."""
    return written("proofs").split("## Tests")


def test_the_page_is_up_to_date():
    numbers = r"(?<=\| )(\*\*)?(\d\.\d\d|exact)(\*\*)?(?= \|)"
    assert re.sub(numbers, "measured", written("proofs")) == generated()["proofs"], "run python docs/generate_proofs.py"


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
