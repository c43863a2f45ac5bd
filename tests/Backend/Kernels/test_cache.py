"""Where compiled code is kept, and what happens where it cannot be."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from spaic.Backend.Kernels.compiling import cache, unused
from spaic.errors import UnsupportedError

ROOT = Path(__file__).parents[3]
DIGEST = "0123456789abcdef"
unix = pytest.mark.skipif(sys.platform == "win32", reason="users and modes of Unix")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for the cache that is not there yet."""
    monkeypatch.setattr(cache, "_private", None)
    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


#: Instead of what importing spaic imports: torch takes seconds.
BARE = f"""
import sys, types
sys.modules["spaic"] = types.ModuleType("spaic")
sys.modules["spaic"].__path__ = [{str(ROOT / "spaic")!r}]
"""


def run(code, **environment):
    """`code` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", BARE + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


# --- which folder


def test_spaic_cache_comes_first(place):
    assert cache.wanted() == place


@pytest.mark.parametrize(
    "platform, variables, expected",
    [
        ("linux", {"XDG_CACHE_HOME": "/somewhere"}, "/somewhere/spaic/kernels"),
        ("linux", {}, "/home/me/.cache/spaic/kernels"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, "/home/me/.cache/spaic/kernels"),
        ("darwin", {"XDG_CACHE_HOME": "/somewhere"}, "/home/me/Library/Caches/spaic/kernels"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/spaic/kernels"),
        ("win32", {}, "/home/me/AppData/Local/spaic/kernels"),
    ],
)
def test_the_folder_of_each_platform(monkeypatch, platform, variables, expected):
    for name in ("SPAIC_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert cache.wanted() == Path(expected)


@unix
def test_it_is_made_for_the_user_alone(place):
    assert cache.folder() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


# --- where it cannot be used


def refused(place, reason):
    """The private folder that is used in its place, with one warning."""
    with pytest.warns(RuntimeWarning, match=f"{reason}.*SPAIC_CACHE") as warned:
        private = cache.folder()
    assert len(warned) == 1
    assert private != place
    assert private.is_dir()
    assert cache.folder() == private
    assert cache.shown() == "for this process only"
    private.rmdir()


@unix
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_refused(place, mode):
    place.mkdir()
    place.chmod(mode)
    refused(place, f"can be written by others \\(mode {mode:04o}\\)")


@unix
def test_the_folder_of_another_user_is_refused(place, monkeypatch):
    place.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    refused(place, "belongs to another user")


def test_a_folder_that_cannot_be_made_is_done_without(place, monkeypatch):
    place.write_text("a file")
    monkeypatch.setenv("SPAIC_CACHE", str(place / "below"))
    refused(place, "Not a directory|cannot find")


def test_a_folder_that_cannot_be_written_is_done_without(place, monkeypatch):
    place.mkdir(mode=0o700)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != place and access(path, mode))  # a read-only file system
    refused(place, "cannot be written")


def test_without_a_home_the_private_folder_is_used(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "_private", None)
    monkeypatch.delenv("SPAIC_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    refused(None, "home directory")


def test_the_private_folder_goes_with_the_process(tmp_path):
    (tmp_path / "file").write_text("")
    code = "from spaic.Backend.Kernels.compiling import cache; print(cache.put('a_" + DIGEST + ".py', 'x = 1'))"
    done = run(code, SPAIC_CACHE=str(tmp_path / "file"), TMPDIR=str(tmp_path), TEMP=str(tmp_path))
    assert Path(done.stdout.strip()).parents[1] == tmp_path, done.stderr
    assert done.stderr.count("SPAIC_CACHE") == 1
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_no_folder_at_all_is_an_error_with_a_name(place, monkeypatch):
    place.write_text("a file")
    monkeypatch.setattr(tempfile, "tempdir", str(place / "nowhere"))
    with pytest.raises(UnsupportedError, match="compiled code cannot be written anywhere .*; set SPAIC_CACHE"):
        cache.folder()


@unix
def test_no_room_at_all_is_an_error_with_a_name(tmp_path):
    code = """
import resource, tempfile
from spaic.Backend.Kernels.compiling import cache, unused
tempfile.gettempdir()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
cache.put("a_0123456789abcdef.py", "x = 1")
"""
    done = run(code, SPAIC_CACHE=str(tmp_path), PYTHONWARNINGS="ignore", PYTHONDONTWRITEBYTECODE="1")
    assert "spaic.errors.UnsupportedError: kernels: a_0123456789abcdef.py cannot be written anywhere" in done.stderr
    assert not list(tmp_path.iterdir())


# --- files


def test_the_same_text_is_left_alone(place):
    path = cache.put("a.py", "x = 'ä'\n")
    before = path.stat()
    assert cache.put("a.py", "x = 'ä'\n") == path
    assert path.read_bytes() == "x = 'ä'\n".encode()
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("found", [b"", b"x =", b"x = 2\n", b"\xff\x00"])
def test_another_text_is_replaced(place, found):
    path = cache.put("a.py", "x = 1\n")
    path.write_bytes(found)
    cache.put("a.py", "x = 1\n")
    assert path.read_text() == "x = 1\n"
    assert [f.name for f in place.iterdir()] == ["a.py"]


def test_a_full_disk_leads_to_the_private_folder(place, monkeypatch):
    replace = os.replace

    def full(source, target):
        if Path(target).parent == place:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        path = cache.put("a.py", "x = 1\n")
    assert path.parent != place
    assert path.read_text() == "x = 1\n"
    assert not list(place.iterdir())
    path.unlink()
    path.parent.rmdir()


def test_a_file_that_another_process_reads_is_left_to_it(place, monkeypatch):
    def taken(source, target):
        Path(target).write_bytes(found)
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(os, "replace", taken)
    found = b"x = 1\n"
    assert cache.put("a.py", "x = 1\n") == place / "a.py"
    assert [f.name for f in place.iterdir()] == ["a.py"]
    found = b"x = 2\n"
    with pytest.warns(RuntimeWarning, match="Access is denied"), pytest.raises(UnsupportedError, match="Access is denied"):
        cache.put("b.py", "x = 1\n")
    assert cache._private is not None
    cache._private.joinpath("b.py").unlink()
    cache._private.rmdir()


def test_clear_removes_what_is_ours_and_nothing_else(place):
    cache.put(f"lif_{DIGEST}.py", "x = 1\n")
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / f"lif_{DIGEST}.forward-3.py311.12.nbc").write_bytes(b"12345")
    (place / "__pycache__" / f"lif_{DIGEST}.forward-3.py311.12.nbc.tmp.77").write_bytes(b"123")
    (place / f".lif_{DIGEST}.py.k3x").write_bytes(b"1")
    (place / "mine.py").write_text("something else")
    assert cache.size() == 6 + 5 + 3 + 1
    assert cache.clear() == 15
    assert cache.size() == 0
    assert sorted(f.name for f in place.rglob("*")) == ["__pycache__", "mine.py"]


def test_an_absent_folder_has_no_size(place):
    assert cache.size() == 0
    assert cache.clear() == 0
    assert not place.exists()


def test_it_is_shown_in_words(place, monkeypatch):
    assert cache.shown() == f"once, kept in {place}"
    monkeypatch.setenv("HOME", str(place.parent))
    monkeypatch.setenv("USERPROFILE", str(place.parent))
    assert cache.shown() == f"once, kept in ~{os.sep}kernels"


def test_what_was_not_used_for_long_is_removed(place):
    """A use is written down beside the text, whose own time stamp compiled code depends on."""
    long_ago = time.time() - (unused.KEPT + 1) * 86400

    def kernel(digit, used):
        stem = f"lif_{digit * 16}"
        files = [cache.put(f"{stem}.py", "text"), place / "__pycache__" / f"{stem}.forward-1.py311.nbi"]
        files[1].parent.mkdir(exist_ok=True)
        files[1].touch()
        for file in files[:2]:
            os.utime(file, (long_ago, long_ago))
        if used is not None:
            unused.note(files[0])
            os.utime(files[0].with_suffix(".used"), (used, used))
        return files

    never, once, now = kernel("a", None), kernel("b", long_ago), kernel("c", time.time())
    (place / "notes.txt").write_text("mine")
    stamps = [file.stat().st_mtime for file in now]
    unused.tidy.cache_clear()
    assert unused.tidy() == 5
    assert not any(file.exists() for file in (*never, *once)) and all(file.exists() for file in now) and (place / "notes.txt").exists()
    kernel("d", long_ago)
    assert unused.tidy() == 5 and cache.size(), "once in a process"
    unused.note(now[0])
    assert [file.stat().st_mtime for file in now] == stamps


def test_a_use_that_cannot_be_written_down_is_no_error(place):
    unused.note(place / "nowhere" / "lif_0123456789abcdef.py")
