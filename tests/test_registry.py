"""Registries: names, aliases, and what other packages bring."""

import pytest

from spaic import registry as module
from spaic.errors import DeclarationError, UnknownName
from spaic.registry import Registry


@pytest.fixture
def colours():
    made = Registry("colour")
    made.add("dark_red", 1, aliases=("Maroon",))
    made.add("blue", 2)
    return made


@pytest.mark.parametrize("spelling", ["dark_red", "Dark_Red", " dark-red ", "dark red", "maroon", "MAROON"])
def test_spellings(colours, spelling):
    assert colours[spelling] == 1 and spelling in colours
    assert colours.canonical(spelling) == "dark_red"


def test_it_is_a_mapping_of_registered_names(colours):
    assert list(colours) == ["blue", "dark_red"] and len(colours) == 2
    assert dict(colours) == {"blue": 2, "dark_red": 1}
    assert colours.aliases("Dark_Red") == ("maroon",) and colours.aliases("blue") == ()
    assert colours.get("green") is None


@pytest.mark.parametrize("name", ["blue", "BLUE", "maroon", "dark-red"])
def test_a_name_is_given_once(colours, name):
    with pytest.raises(DeclarationError, match="already registered"):
        colours.add(name, 3)
    with pytest.raises(DeclarationError, match="already registered"):
        colours.add("green", 3, aliases=(name,))
    assert "green" not in colours


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_is_text(colours, name):
    with pytest.raises(DeclarationError, match="non-empty text"):
        colours.add(name, 3)


def test_an_unknown_name_suggests_the_nearest(colours):
    with pytest.raises(UnknownName, match="unknown colour 'bleu'; did you mean 'blue'") as caught:
        colours["bleu"]
    assert isinstance(caught.value, KeyError) and str(caught.value).startswith("unknown")
    with pytest.raises(UnknownName, match="choose one of: blue, dark_red, maroon"):
        colours["xyzzy"]
    for odd in (None, 3, ("blue",)):
        with pytest.raises(UnknownName):
            colours[odd]
        assert odd not in colours


def test_the_decorator_returns_what_it_registers(colours):
    @colours.register("green", "verde")
    class Green:
        pass

    assert colours["verde"] is Green


class Point:
    def __init__(self, name, item):
        self.name, self.load = name, lambda: item


def test_other_packages_register_through_entry_points_once(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "entry_points", lambda group: asked.append(group) or [Point("theirs", 7)])
    made = Registry("colour", "spaic.colours")
    made.add("ours", 1)
    assert not asked
    assert made["theirs"] == 7 and "ours" in made and list(made) == ["ours", "theirs"]
    assert asked == ["spaic.colours"]


def test_an_entry_point_does_not_replace_what_is_there(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda group: [Point("ours", 7)])
    made = Registry("colour", "spaic.colours")
    made.add("ours", 1)
    with pytest.raises(DeclarationError, match="already registered"):
        made["ours"]
