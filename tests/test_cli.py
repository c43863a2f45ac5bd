import re
from pathlib import Path

import pytest

import spaic
from spaic import cli, doctor

SCRIPT = """\
with open("here.txt", "w") as file:
    file.write(__name__)
"""


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    return file


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_names_every_command(arguments, capsys):
    try:
        assert cli.main(arguments) == 0
    except SystemExit as done:
        assert done.code == 0
    text = capsys.readouterr().out
    for command in ("quickstart", "doctor"):
        assert re.search(rf"^  {command} +\w", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", ["quickstart", "doctor"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert f"usage: spaic {command}" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "meant"), [("qickstart", "quickstart"), ("docter", "doctor"), ("Inspect", "inspect")])
def test_a_misspelt_command_is_answered_with_the_nearest(command, meant, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([command])
    assert capsys.readouterr().err.endswith(f"spaic: error: there is no command {command!r}; did you mean {meant!r}?\n")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"spaic {spaic.__version__}\n"


def test_what_is_printed_is_what_runs(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.quickstart(script)
    assert Path("here.txt").read_text() == "__main__"
    assert SCRIPT in capsys.readouterr().out


def test_quickstart_trains_to_95_percent_and_leaves_a_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["quickstart"]) == 0
    printed, bars = capsys.readouterr()
    assert not bars and str(Path("quickstart.png").resolve()) in printed
    assert cli.QUICKSTART.read_text() in printed
    assert len([line for line in cli.QUICKSTART.read_text().splitlines() if line.strip()]) < 20
    assert float(re.findall(r"test accuracy (\d+\.\d)%, figure", printed)[0]) >= 95.0
    assert Path("quickstart.png").stat().st_size > 20_000


def test_the_doctor_reports_versions_devices_backends_and_data(capsys):
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    for heading in ("Versions", "Devices", "Backends", "Kernels", "Data"):
        assert re.search(rf"^{heading}$", text, re.MULTILINE)
    for name in ("python", "spaic", *doctor.REQUIRED, "cpu", *spaic.registry.backends, "digits", "mnist"):
        assert re.search(rf"^  {re.escape(name)} ", text, re.MULTILINE), name


def test_the_doctor_removes_compiled_kernels(monkeypatch, tmp_path, capsys):
    from spaic.Backend.Kernels.compiling import cache

    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path))
    kept, other = cache.put("lif_0123456789abcdef.py", "x = 1\n"), tmp_path / "mine.txt"
    other.write_text("not ours")
    assert cli.main(["doctor", "--clear-cache"]) == 0
    assert str(tmp_path) in capsys.readouterr().out
    assert not kept.exists()
    assert other.exists()


def test_the_doctor_says_how_to_get_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name in ("numba", "gymnasium") else "1.0")
    advice = " ".join(doctor.report().partition("To get what is missing")[2].split())
    assert "numba: pip install numba" in advice and "(optional): pip install gymnasium" in advice
    assert "pip install spaic" not in advice and "spaic[" not in advice, "another project may have the name"
    assert re.search(rf"- mnist, in {re.escape(str(tmp_path))}\S+mnist: ", advice)


@pytest.mark.parametrize(("epochs", "said"), [(0, "0 epochs: nothing was left to do"), (1, "1 epoch: loss 0.5000"), (2, "2 epochs: loss")])
def test_epochs_are_counted(epochs, said, monkeypatch, capsys):
    history = spaic.Learning.History(loss=[0.5] * epochs, accuracy=[1.0] * epochs)
    monkeypatch.setattr(cli.experiment, "train", lambda *_, **__: (None, history))
    assert cli.main(["train", "any.yaml"]) == 0
    assert capsys.readouterr().out.startswith(said)
