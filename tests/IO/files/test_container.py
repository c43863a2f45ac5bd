from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spaic.errors import DataError, InputError
from spaic.IO.files import atomic, container, index
from spaic.IO.files.npy_header import TYPES, ArrayEntry
from tests.IO.files import hostile, saver

MANIFEST = {"name": "网络", "dt": 0.1, "shape": [28, 28], "deep": {"a": [None, True, -0.0, 1e-300, 2**70]}}
ARRAYS = {"layer1.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "layer1.bias": np.array([True, False]), "empty": np.zeros((0, 3))}


def run_saver(*arguments: object) -> list[str]:
    command = [sys.executable, saver.__file__, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout.splitlines()


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype.newbyteorder("=") and found[name].shape == array.shape, name
        assert found[name].tobytes() == np.ascontiguousarray(array).astype(found[name].dtype).tobytes(), name


# ------------------------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3), (4, 0, 5), (1,) * 32])
def test_every_type_and_shape_comes_back(tmp_path, code, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(code)
    manifest, arrays = container.read(container.write(tmp_path / "file", {}, {"a": array}))
    assert manifest == {}
    assert_same(arrays, {"a": array})
    assert arrays["a"].flags.writeable and arrays["a"].flags.c_contiguous and arrays["a"].flags.owndata


def test_every_memory_order_comes_back(tmp_path):
    whole = np.arange(24.0).reshape(2, 3, 4)
    arrays = {
        "F": np.asfortranarray(whole),
        "T": whole.T,
        "step": whole[::-1, ::2],
        "wide": np.broadcast_to(whole[0, 0], (5, 4)),
        "big": whole.astype(">f8"),
    }
    assert_same(container.read(container.write(tmp_path / "file", {}, arrays))[1], arrays)


def test_nan_bits_and_signed_zeros_come_back(tmp_path):
    bits = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001, 1 << 63, 1], np.uint64)
    assert_same(container.read(container.write(tmp_path / "file", {}, {"a": bits.view(np.float64)}))[1], {"a": bits.view(np.float64)})


NUMBERS = st.one_of(npst.boolean_dtypes(), npst.integer_dtypes(), npst.unsigned_integer_dtypes(), npst.floating_dtypes(sizes=(16, 32, 64)))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(
    manifest=st.dictionaries(st.text(), PLAIN, max_size=5),
    arrays=st.dictionaries(NAMES, npst.arrays(NUMBERS, npst.array_shapes(min_dims=0, min_side=0)), max_size=4),
)
def test_anything_comes_back(tmp_path_factory, manifest, arrays):
    path = tmp_path_factory.getbasetemp() / "any.spaic"
    container.write(path, manifest, arrays)
    found, loaded = container.read(path)
    assert repr(found) == repr(manifest)
    assert_same(loaded, arrays)
    described, entries = container.describe(path)
    assert described == manifest
    assert [(entry.name, entry.shape, entry.nbytes) for entry in entries] == [(n, a.shape, a.nbytes) for n, a in arrays.items()]


def test_equal_content_makes_equal_files(tmp_path):
    first, second = (container.write(tmp_path / name, MANIFEST, ARRAYS) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_other_programs_can_look_inside(tmp_path):
    path = container.write(tmp_path / "file", MANIFEST, ARRAYS)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "arrays/0.npy", "arrays/1.npy", "arrays/2.npy"]
        assert json.loads(archive.read("manifest.json"))["manifest"] == MANIFEST
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["arrays/0"], ARRAYS["layer1.weight"])


@pytest.mark.skipif(shutil.which("unzip") is None, reason="there is no unzip")
def test_unzip_reads_it(tmp_path):
    path = container.write(tmp_path / "file", MANIFEST, ARRAYS)
    subprocess.run(["unzip", "-qq", "-t", path], check=True, capture_output=True)
    shown = subprocess.run(["unzip", "-p", path, "manifest.json"], check=True, capture_output=True).stdout
    assert json.loads(shown)["manifest"] == MANIFEST and b"\xe7\xbd\x91" in shown


def test_describe_loads_no_array(tmp_path, monkeypatch):
    path = container.write(tmp_path / "file", MANIFEST, ARRAYS)
    monkeypatch.setattr(np, "empty", None)
    entry = ArrayEntry("layer1.weight", "<f4", (3, 4))
    assert container.describe(path) == (MANIFEST, [entry, ArrayEntry("layer1.bias", "|b1", (2,)), ArrayEntry("empty", "<f8", (0, 3))])
    assert container.read_manifest(path) == MANIFEST


# --------------------------------------------------------------------------------------------------------------- the file


def test_names_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert container.write("net", {}, {}) == Path("net.spaic")
    assert container.write("net.old", {}, {}) == Path("net.old")
    assert container.write(tmp_path / "x.spaic", {}, {}) == tmp_path / "x.spaic"
    assert container.read("net") == ({}, {})
    assert sorted(os.listdir()) == ["net.old", "net.spaic", "x.spaic"]


@pytest.mark.parametrize("path", ["", ".", "..", "a/..", "/", "a\0b", "\ud800", 5, None, b"net"])
def test_what_is_no_path(path):
    with pytest.raises(InputError, match="is not the name of a file"):
        container.write(path, {}, {})
    with pytest.raises(InputError, match="is not the name of a file"):
        container.read(path)


def test_targets_that_are_refused(tmp_path):
    real = container.write(tmp_path / "real", {"a": 1}, {})
    (tmp_path / "link.spaic").symlink_to(real)
    (tmp_path / "dangling.spaic").symlink_to("nowhere")
    (tmp_path / "folder.spaic").mkdir()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.spaic")
    before = sorted(os.listdir(tmp_path))
    faults = {
        "none/net": "no folder",
        "real.spaic/net": "no folder",
        "link": "symbolic link to .*real.spaic",
        "dangling": "symbolic link to nowhere",
        "folder.spaic": "is a folder",
        "folder": "is a folder",
        "pipe": "device or pipe",
        "x" * 300: "name too long",
    }
    for name, fault in faults.items():
        with pytest.raises(DataError, match=f"(?i){fault}"):
            container.write(tmp_path / name, {}, {})
    assert sorted(os.listdir(tmp_path)) == before and container.read(real)[0] == {"a": 1}


def test_sources_that_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.spaic")
    for name, fault in {"none": "No such file", "pipe": "not a regular file", ".": "is not the name"}.items():
        with pytest.raises((DataError, InputError), match=fault):
            container.read(tmp_path / name if name != "." else name)
    with pytest.raises(DataError, match="is a folder"):
        container.read(tmp_path)


def test_a_link_is_read_through(tmp_path):
    (tmp_path / "latest.spaic").symlink_to(container.write(tmp_path / "real", {"a": 1}, {}))
    assert container.read(tmp_path / "latest")[0] == {"a": 1}


def test_permissions_stay_and_read_only_is_respected(tmp_path):
    path = container.write(tmp_path / "net", {"a": 1}, {})
    path.chmod(0o640)
    container.write(path, {"a": 2}, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o444)
    with pytest.raises(DataError, match="read-only .mode 0444."):
        container.write(path, {"a": 3}, {})
    assert container.read(path)[0] == {"a": 2} and os.listdir(tmp_path) == ["net.spaic"]


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ([], "give a dictionary"),
        ({"a": (1, 2)}, "manifest.a: a value is of type tuple"),
        ({"a": {"b": [0, {1: 2}]}}, r"manifest.a.b\[1\]: a key is of type int"),
        ({"a": float("nan")}, "manifest.a: nan cannot"),
        ({"a": np.float64(1)}, "manifest.a: a value is of type float64"),
        ({"a": b"x"}, "manifest.a: a value is of type bytes"),
        ({"a": "\ud800"}, "manifest.a: a value is not valid Unicode"),
        ({"\ud83d\ude00": 1}, "a key is not valid Unicode"),
        ({"a": 10**1000}, "more than 1000 digits"),
        ({"a": "x" * index.MAX_LENGTH}, "more than 4194304"),
    ],
)
def test_data_that_are_not_plain(tmp_path, manifest, fault):
    with pytest.raises(DataError, match=fault):
        container.write(tmp_path / "net", manifest, {})
    assert os.listdir(tmp_path) == []


def test_deep_and_circular_data(tmp_path):
    circle: dict[str, object] = {}
    circle["a"] = [circle]
    deep: dict[str, object] = {}
    for _ in range(254):
        deep = {"a": deep}
    container.read(container.write(tmp_path / "deepest", deep, {}))
    for tree in (circle, {"a": deep}):
        with pytest.raises(DataError, match="too deep"):
            container.write(tmp_path / "net", tree, {})


@pytest.mark.parametrize(
    ("name", "array", "fault"),
    [
        ("a", np.array([None]), "array of type object"),
        ("a", np.array(["x"]), "array of type <U1"),
        ("a", np.zeros(2, complex), "array of type complex128"),
        ("a", np.zeros(2, "f4,f4"), "array of type"),
        ("a", np.zeros(2, "M8[s]"), "array of type"),
        ("a", np.zeros(2, np.longdouble), "array of type"),
        ("a", np.ma.masked_array([1.0]), "array of type"),
        ("a", [1.0], "list cannot be stored"),
        ("a", np.float64(1), "float64 cannot be stored"),
        ("a", np.array([0, 2], np.uint8).view(bool), "truth values other than 0 and 1"),
        ("", np.zeros(1), "no name"),
        ("a\nb", np.zeros(1), "no name"),
        ("a" * 1001, np.zeros(1), "no name"),
        (5, np.zeros(1), "no name"),
    ],
)
def test_arrays_that_are_refused(tmp_path, name, array, fault):
    container.write(tmp_path / "net", {"old": 1}, {})
    with pytest.raises(DataError, match=fault):
        container.write(tmp_path / "net", {}, {name: array})
    assert container.read(tmp_path / "net")[0] == {"old": 1} and os.listdir(tmp_path) == ["net.spaic"]


def test_an_array_that_changes_meanwhile_is_found(tmp_path, monkeypatch):
    path = container.write(tmp_path / "net", {"old": 1}, {})
    array = np.zeros(400_000)
    put = container._Writer._put

    def put_and_change(self, block):
        put(self, block)
        array[-1] += 1

    monkeypatch.setattr(container._Writer, "_put", put_and_change)
    with pytest.raises(DataError, match="changed while it was written"):
        container.write(path, {}, {"w": array})
    assert container.read(path)[0] == {"old": 1} and os.listdir(tmp_path) == ["net.spaic"]


# ------------------------------------------------------------------------------------------------------------------- keep


def kept(folder: Path) -> dict[str, int]:
    return {name: container.read(folder / name)[0]["n"] for name in sorted(os.listdir(folder))}


@pytest.mark.parametrize("has_links", [True, False])
def test_keep_has_the_last_versions(tmp_path, monkeypatch, has_links):
    if not has_links:

        def refuse(*_):
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", refuse)
    for n in range(6):
        container.write(tmp_path / "net", {"n": n}, {}, keep=3)
    assert kept(tmp_path) == {"net.spaic": 5, "net.1.spaic": 4, "net.2.spaic": 3}
    container.write(tmp_path / "net", {"n": 6}, {})
    assert kept(tmp_path) == {"net.spaic": 6, "net.1.spaic": 4, "net.2.spaic": 3}
    container.write(tmp_path / "net", {"n": 7}, {}, keep=2)
    assert kept(tmp_path) == {"net.spaic": 7, "net.1.spaic": 6, "net.2.spaic": 3}


@pytest.mark.parametrize("keep", [0, -1, 1.0, True, None, "2"])
def test_keep_that_is_no_count(tmp_path, keep):
    with pytest.raises(InputError, match="keep="):
        container.write(tmp_path / "net", {}, {}, keep=keep)


def test_damage_names_an_older_version(tmp_path):
    for n in range(2):
        path = container.write(tmp_path / "net", {"n": n}, {}, keep=2)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"use the older version .*net\.1\.spaic"):
        container.read(path)
    (tmp_path / "net.1.spaic").unlink()
    with pytest.raises(DataError, match="write with keep=2"):
        container.read(path)


def test_a_reader_meets_a_whole_file_at_every_moment(tmp_path):
    path = container.write(tmp_path / "net", {"n": 0}, {"w": np.zeros(1)}, keep=3)
    stop, seen = threading.Event(), set()

    def watch():
        while not stop.is_set():
            manifest, arrays = container.read(path)
            seen.add(manifest["n"] if np.all(arrays["w"] == manifest["n"]) else "torn")

    watcher = threading.Thread(target=watch)
    watcher.start()
    for n in range(1, 120):
        container.write(path, {"n": n}, {"w": np.full(n * 50, float(n))}, keep=3)
    stop.set()
    watcher.join()
    assert "torn" not in seen and len(seen) > 5


# ----------------------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("keep", [1, 3])
def test_death_at_every_step_leaves_whole_versions(tmp_path, keep):
    reports = [json.loads(line) for line in run_saver("steps", tmp_path / "net.spaic", keep)]
    assert reports[-1]["ended"] and len(reports) > 8
    for report in reports:
        expected = [[3, 2, 1], [3, 2], [3, 3, 2], [4, 3, 2]] if keep == 3 else [[3], [4]]
        assert report["found"] in expected, report
    assert {report["found"][0] for report in reports} == {3, 4}
    assert reports[-1]["left"] == 0 and not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_kill_at_random_moments_loses_nothing(tmp_path):
    path, rng = tmp_path / "net.spaic", np.random.default_rng(1)
    container.write(path, *saver.content(0))
    done = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, saver.__file__, "loop", path, "3", str(done + 1)], stdout=subprocess.PIPE, text=True)
        child.stdout.readline()  # it saves now
        killer = threading.Timer(float(rng.uniform(0.0, 0.3)), child.kill)
        killer.start()
        said = [line.split() for line in child.stdout.read().splitlines()]
        assert child.wait() == -9
        done = max([done, *(int(number) for word, number in said if word == "done")])
        found = saver.serial_of(*container.read(path))
        assert done <= found <= done + 1
        done = found
        for number in (1, 2):
            older = atomic.version_path(path, number)
            assert not older.exists() or 0 <= saver.serial_of(*container.read(older)) <= found
    container.write(path, *saver.content(1))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    said, left = run_saver("limited", tmp_path / "net.spaic", 100_000)
    assert said.startswith("DataError") and "net.spaic: cannot be written (File too large)" in said
    assert left == "1250 ['net.spaic']"


@pytest.mark.parametrize(
    ("call", "code"), [("open", errno.EROFS), ("fsync", errno.ENOSPC), ("replace", errno.EIO), ("replace", errno.EACCES)]
)
def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, call, code):
    path = container.write(tmp_path / "net", {"old": 1}, {})

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(DataError, match=os.strerror(code)) as caught:
            container.write(path, {"new": 1}, {"w": np.zeros(1000)}, keep=2)
    assert str(caught.value).startswith(f"{path}: cannot be written")
    assert container.read(path)[0] == {"old": 1} and not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_an_interrupt_leaves_the_old_file(tmp_path, monkeypatch):
    path = container.write(tmp_path / "net", {"old": 1}, {})
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            container.write(path, {"new": 1}, {})
    assert container.read(path)[0] == {"old": 1} and os.listdir(tmp_path) == ["net.spaic"]


def test_only_our_own_leftovers_of_the_dead_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = atomic._host()
    dead = f".spaic-{host}-{ended.pid}-0123abcd.tmp"
    others = [
        f".spaic-{host}-{os.getppid()}-0123abcd.tmp",
        f".spaic-{host}-{os.getpid()}-0123abcd.tmp",
        f".spaic-00000000-{ended.pid}-0123abcd.tmp",
        f"x.spaic-{host}-{ended.pid}-0123abcd.tmp",
        f".spaic-{host}-{ended.pid}-0123abcd.tmp.txt",
        f".spaic-{host}-0-0123abcd.tmp",
    ]
    for name in [dead, *others]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / f".spaic-{host}-{ended.pid}-aaaaaaaa.tmp").mkdir()
    container.write(tmp_path / "net", {}, {})
    assert sorted(os.listdir(tmp_path)) == sorted([*others, f".spaic-{host}-{ended.pid}-aaaaaaaa.tmp", "net.spaic"])


# -------------------------------------------------------------------------------------------------------------- corruption


def test_random_damage_is_refused(tmp_path):
    whole = container.write(tmp_path / "net", MANIFEST, ARRAYS).read_bytes()
    rng, path, tried = np.random.default_rng(2), tmp_path / "damaged.spaic", 0
    while tried < 600:
        content = hostile.corrupted(whole, rng)
        if content == whole:
            continue
        tried += 1
        path.write_bytes(content)
        for load in (container.read, container.describe):
            with pytest.raises(DataError, match=r"damaged.spaic: .*; ") as caught:
                load(path)
            assert str(caught.value).startswith(f"{path}: ")


def test_every_byte_and_length_counts(tmp_path):
    whole = container.write(tmp_path / "net", {"a": 1}, {"w": np.ones(2, np.float32)}).read_bytes()
    path = tmp_path / "damaged.spaic"
    for at, bit in enumerate(np.random.default_rng(3).integers(8, size=len(whole))):
        data = bytearray(whole)
        data[at] ^= 1 << int(bit)
        path.write_bytes(data)
        with pytest.raises(DataError):
            container.read(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            container.read(path)
    for extra in (0, 48, 97, 255):
        path.write_bytes(whole + bytes([extra]))
        with pytest.raises(DataError):
            container.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\5\6" + bytes(18), b"\x80\x04." * 500, b"{}" * 500], ids=["empty", "PK", "empty ZIP", "pickle", "JSON"]
)
def test_other_kinds_of_files(tmp_path, content):
    (tmp_path / "other.spaic").write_bytes(content)
    with pytest.raises(DataError, match="too short|does not begin like"):
        container.read(tmp_path / "other")


# ----------------------------------------------------------------------------------------------------------- hostile files


def test_the_forger_can_make_a_file_that_is_accepted(tmp_path):
    """Else the refusals below would show nothing."""
    path = tmp_path / "net.spaic"
    path.write_bytes(hostile.forge(hostile.WHOLE, [hostile.F4]))
    assert container.read(path)[1]["w"].tolist() == [0.0, 0.0]
    path.write_bytes(hostile.valued("[1]"))
    assert container.read(path) == ({"a": [1]}, {})


@pytest.mark.parametrize("name", hostile.FILES)
def test_hostile_file_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.spaic"
    path.write_bytes(hostile.FILES[name]())
    for load in (container.read, container.describe) if name not in ("CRC wrong", "truth value 2") else (container.read,):
        with pytest.raises(DataError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ") and "; " in str(caught.value) and len(str(caught.value)) < 600
    assert os.listdir(tmp_path) == ["evil.spaic"]
