"""docs/models.md is written from the declarations, and says so when it is out of date."""

from tests.docs.pages import generated, script, written


def test_the_page_is_what_the_declarations_say():
    assert written("models") == generated()["models"], "run python docs/generate_models.py"


def test_a_stale_page_is_noticed(tmp_path, monkeypatch, capsys):
    generate = script("generate_models")
    monkeypatch.setattr(generate, "PAGE", tmp_path / "models.md")
    monkeypatch.setattr(generate, "models_page", lambda: "new")
    for known in (None, "old"):
        if known:
            generate.PAGE.write_text(known, encoding="utf-8")
        assert generate.main(["--check"]) == 1
        assert "models.md: it is not what the declarations say; run `python docs/generate_models.py`" in capsys.readouterr().err
    assert generate.main([]) == 0 and generate.PAGE.read_text(encoding="utf-8") == "new"
    assert generate.main(["--check"]) == 0 and not capsys.readouterr().err


def test_every_registered_name_has_a_section():
    page = written("models")
    for name in ("lif", "first_order", "atan", "conv", "latency", "ramp", "max_voltage", "kaiming_normal", "stca", "reference"):
        assert f"\n### {name}\n" in page
