"""``spaic list`` shows everything that can be named."""

import pytest

import spaic
from spaic import catalogue, cli, registry
from spaic.errors import UnknownName

KINDS = catalogue.catalogue()


def lines(text):
    """Kind -> its lines."""
    return {block.splitlines()[0].rpartition(" ")[0]: block.splitlines()[1:] for block in text.split("\n\n")}


def test_every_registered_name_has_a_line_of_its_own():
    shown = lines(catalogue.listing())
    for kind, names in vars(registry).items():
        if isinstance(names, registry.Registry):
            assert [line.split()[0] for line in shown[kind]] == list(names)
    assert {"presets", "optimizers", "schedules", "data sets"} <= set(shown)


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_says_something(kind):
    assert KINDS[kind]
    for entry in KINDS[kind]:
        assert len(entry.summary) > 5 and "\n" not in entry.summary and "`" not in entry.summary, entry


def test_summaries_come_from_the_declarations():
    entries = {e.name: e for e in KINDS["neurons"]}
    assert entries["adex"].summary == registry.neurons["adex"].summary and "aeif" in entries["adex"].aliases
    assert catalogue.summary_of(spaic.Digits) in " ".join(spaic.Digits.__doc__.replace("`", "").split())


@pytest.mark.parametrize("word", ["neurons", "neuron", "NEURON"])
def test_a_kind_shows_that_kind_with_aliases(word, capsys):
    assert cli.main(["list", word]) == 0
    shown = lines(capsys.readouterr().out)
    assert list(shown) == ["neurons"] and len(shown["neurons"]) == len(registry.neurons)
    assert any(line.endswith("(also aeif)") for line in shown["neurons"])


def test_a_word_is_looked_for_in_names_then_in_summaries():
    shown = lines(catalogue.listing("adapt"))
    assert any(line.split()[0] == "aclif" for line in shown["neurons"])  # only its summary has the word
    assert any("adex: adapting" in line for line in shown["presets"])
    assert list(lines(catalogue.listing("aeif"))) == ["neurons"]


@pytest.mark.parametrize("word, nearest", [("adx", "adex"), ("neurosn", "neurons"), ("poison", "poisson")])
def test_a_slip_is_answered_with_the_nearest_name(word, nearest, capsys):
    with pytest.raises(UnknownName, match=f"nothing is called '{word}'; did you mean '{nearest}'"):
        catalogue.listing(word)
    assert cli.main(["list", word]) == 1
    assert f"did you mean '{nearest}'" in capsys.readouterr().err
