from __future__ import annotations

from pathlib import Path

import pytest

from spaic.errors import DataError
from spaic.IO.folders import DataSource, cache_folder, inventory, locate, search_folders, sources

SOURCE = DataSource("things", ("a", "b"), "fetch them", layouts=("Things/raw",))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("SPAIC_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(str(folder))
    return folder


def test_a_given_root_is_the_only_place(tmp_path, monkeypatch):
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path / "env"))
    fill(tmp_path / "env" / "things", "a", "b")
    root = tmp_path / "root"
    assert search_folders(SOURCE, root) == [root, root / "things", root / "Things" / "raw"]
    with pytest.raises(DataError, match=f"^{root}: a, b not found .* fetch them$"):
        locate(SOURCE, SOURCE.files, root)
    raw = fill(root / "Things" / "raw", "a", "b.gz")
    assert locate(SOURCE, SOURCE.files, str(root)) == {"a": raw / "a", "b": raw / "b.gz"}


def test_environment_comes_before_cache(tmp_path, monkeypatch):
    cached = fill(tmp_path / "cache" / "spaic" / "things", "a", "b")
    assert locate(SOURCE, ("a",))["a"] == cached / "a"
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path / "env"))
    assert locate(SOURCE, ("a",))["a"] == cached / "a"
    stated = fill(tmp_path / "env" / "things", "a", "b")
    assert locate(SOURCE, ("a", "b")) == {"a": stated / "a", "b": stated / "b"}


def test_files_of_two_folders_never_mix(tmp_path, monkeypatch):
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path / "env"))
    fill(tmp_path / "env" / "things", "a")
    fill(tmp_path / "cache" / "spaic" / "things", "b")
    with pytest.raises(DataError, match=r"env.things: b not found \(also looked in .*cache.spaic.things\)"):
        locate(SOURCE, SOURCE.files)


def test_cache_follows_the_xdg_standard(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache" / "spaic"
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert cache_folder() == Path.home() / ".cache" / "spaic"


def test_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("SPAIC_DATA", "~/sets")
    assert search_folders(SOURCE)[0] == Path.home() / "sets" / "things"


def test_inventory_lists_every_source(tmp_path, monkeypatch):
    monkeypatch.setenv("SPAIC_DATA", str(tmp_path))
    fill(tmp_path / "mnist", "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte")
    rows = {row.name: row for row in inventory()}
    assert set(rows) == {source.name for source in sources.values()} >= {"mnist", "fashion-mnist", "yin-yang"}
    row = rows["mnist"]
    assert row.folder == tmp_path / "mnist"
    assert row.found == ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte")
    assert row.missing == ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte")
    assert "download=True" in row.how
    assert rows["yin-yang"].found == () and len(rows["yin-yang"].missing) == 6
