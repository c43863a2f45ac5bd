import re
from pathlib import Path

import pytest

import spaic
from spaic import cli, doctor

SCRIPT = '''\
epochs, unused = 5, 0
epochs = 5
picture = "here.png"  # where the figure goes
with open(picture, "w") as file:
    file.write(f"{__name__} {epochs}")
'''


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


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"spaic {spaic.__version__}\n"


def test_what_is_printed_is_what_runs(script, tmp_path, capsys):
    out = tmp_path / "a folder" / "figure.png"
    out.parent.mkdir()
    cli.quickstart(epochs=2, out=out, script=script)
    assert out.read_text() == "__main__ 2"
    printed = capsys.readouterr().out
    assert f"epochs = 2\npicture = {str(out)!r}  # where the figure goes" in printed
    assert printed.count("\n") == SCRIPT.count("\n") + 1


def test_without_options_the_script_runs_as_it_stands(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.quickstart(script=script)
    assert Path("here.png").read_text() == "__main__ 5"
    assert SCRIPT in capsys.readouterr().out


def test_a_missing_folder_is_named_before_anything_runs(tmp_path, capsys):
    assert cli.main(["quickstart", "--out", str(tmp_path / "nowhere" / "figure.png")]) == 1
    said = capsys.readouterr()
    assert re.search(r"--out: the folder '.*nowhere' is not there; make it", said.err)
    assert said.out == ""


@pytest.mark.parametrize("epochs", ["0", "-1", "2.5", "many"])
def test_a_number_of_epochs_that_cannot_be_meant_is_refused(epochs, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["quickstart", "--epochs", epochs])
    assert "give 1 or more" in capsys.readouterr().err


def test_the_doctor_reports_versions_devices_backends_and_data(capsys):
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    for heading in ("Versions", "Devices", "Backends", "Data"):
        assert re.search(rf"^{heading}$", text, re.MULTILINE)
    for name in ("python", "spaic", *doctor.REQUIRED, "cpu", *spaic.registry.backends, "digits", "mnist"):
        assert re.search(rf"^  {re.escape(name)} ", text, re.MULTILINE), name


def test_the_doctor_says_how_to_get_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name == "numba" else "1.0")
    advice = " ".join(doctor.report().partition("To get what is missing")[2].split())
    assert "numba: pip install numba" in advice
    assert re.search(rf"- mnist, in {re.escape(str(tmp_path))}\S+mnist: ", advice)
