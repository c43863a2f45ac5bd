from __future__ import annotations

import builtins
import errno
import importlib
import json
import math
import os
import time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spaic.errors import DataError, InputError, UnsupportedError
from spaic.IO.files import text, yaml_text
from spaic.IO.files.text import read_text, write_text

SUFFIXES = [".json", ".yaml", ".yml"]
SETTINGS = {
    "net": {"layer1": {"model": "lif", "tau_m": 1e-3, "shape": [28, 28]}},
    "lr": 1e-05,
    "answer": "no",
    "name": "网络",
    "none": None,
}


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.from_regex(r"[-+]?[0-9._]*([eE][-+]?[0-9]+)?", fullmatch=True)
    | st.sampled_from(
        [
            "yes",
            "No",
            "on",
            "null",
            "~",
            "",
            " ",
            "true",
            "0o17",
            "0x1f",
            "1_0",
            "1:30",
            "=",
            "<<",
            "---",
            "...",
            "- a",
            "a: b",
            "#",
            "a #b",
        ]
    )
    | st.sampled_from(
        [
            "2020-01-01",
            "!x",
            "&x",
            "*x",
            "%x",
            "@x",
            "`x",
            "|",
            ">",
            "a\nb",
            "\na",
            "a\n",
            "\t",
            "\x85",
            "\u2028",
            "\ufeff",
            "\0",
            "\x7f",
            "'",
            '"',
        ]
    )
    | st.sampled_from(
        [".nan", ".inf", "-.INF", "1e999", "1e5", "1.", "[", "]", "{", "}", ",", "?", "-", ":", "? a", "-1", "é", "😀", "\\", "a" * 300]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=150, deadline=None)
@given(tree=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), PLAIN, max_size=4))
@example(tree={})
@example(tree={"a": {}, "b": [], "c": [[], {}], "": [[[1]], [{"x": []}]]})
@example(tree={"a" * 2000: "b " * 2000, "c": ["d" * 500] * 3})
def test_what_is_written_is_read(tmp_path_factory, suffix, tree):
    path = tmp_path_factory.getbasetemp() / f"tree{suffix}"
    assert write_text(path, tree) == path
    assert repr(read_text(path)) == repr(tree)


@settings(max_examples=100, deadline=None)
@given(tree=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), PLAIN, max_size=4))
def test_other_readers_of_yaml_understand_the_same(tmp_path_factory, tree):
    """PyYAML follows version 1.1: what we write must not depend on the version."""
    path = write_text(tmp_path_factory.getbasetemp() / "other.yaml", tree)
    assert repr(yaml.safe_load(path.read_text(encoding="utf-8"))) == repr(tree)


def test_without_the_c_library_the_same_is_read(tmp_path, monkeypatch):
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    monkeypatch.delattr(yaml, "CSafeDumper", raising=False)
    path = write_text(tmp_path / "net.yaml", SETTINGS)
    assert repr(read_text(path)) == repr(SETTINGS)
    with pytest.raises(DataError, match="line 2, column 4: the anchor or alias 'x'"):
        read_text(file(tmp_path, "a.yaml", "a: 1\nb: &x 1"))


def test_json_and_yaml_are_readable(tmp_path):
    assert json.loads(write_text(tmp_path / "net.json", SETTINGS).read_text(encoding="utf-8")) == SETTINGS
    shown = write_text(tmp_path / "net.YAML", SETTINGS).read_text(encoding="utf-8")
    lines = [
        "net:",
        "  layer1:",
        "    model: lif",
        "    tau_m: 0.001",
        "    shape: [28, 28]",
        "lr: 1.0e-05",
        'answer: "no"',
        "name: 网络",
        "none: null",
    ]
    assert shown.splitlines() == lines


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[("1e-3", 1e-3), ("1E3", 1e3), (".5", 0.5), ("+1.", 1.0), ("-1e+2", -100.0), ("1.5e3", 1500.0), ("-0.0", -0.0), ("0e0", 0.0)],
        *[("7", 7), ("-7", -7), ("+7", 7), ("007", 7), ("0o17", 15), ("0x1F", 31), ("1" * 500, int("1" * 500))],
        *[("true", True), ("False", False), ("TRUE", True), ("~", None), ("null", None), ("", None), ("Null", None)],
        *[(word, word) for word in ("yes", "no", "on", "off", "Yes", "NO", "y", "n", "tRUE", "nul", "none", "nan", "inf", "-inf")],
        *[
            (word, word)
            for word in ("1_000", "2:30", "2020-01-01", "1e", "e5", ".", "-", "1.2.3", "0b11", "--1", "=", "<<", "0o8", "0xg", "١")
        ],
        *[("'1'", "1"), ('"true"', "true"), ("'~'", "~"), ('"\\u0041"', "A")],
    ],
)
def test_scalars_of_yaml(tmp_path, written, meant):
    if written == "-":
        written = '"-"'
    found = read_text(file(tmp_path, "a.yaml", f"a: {written}\n"))["a"]
    assert repr(found) == repr(meant)


def test_blocks_comments_and_flow_of_yaml(tmp_path):
    lines = (
        "# settings",
        "---",
        "a: |",
        "  1",
        "  2",
        "b: >-",
        "  x",
        "  y",
        "c: {d: [1, 2.0, e], f: {}}",
        "? g",
        ": - 1",
        "  - - 2",
        "...",
        "# end",
    )
    content = "\ufeff" + "\r\n".join(lines)
    tree = {"a": "1\n2\n", "b": "x y", "c": {"d": [1, 2.0, "e"], "f": {}}, "g": [1, [2]]}
    assert repr(read_text(file(tmp_path, "a.yaml", content))) == repr(tree)


def test_toml(tmp_path):
    path = file(tmp_path, "a.toml", 'x = 1\n[net]\ntau = 1e-3\nname = "a.b.c"\nshape = [28, 28]\n[[net.layer]]\non = true\n')
    assert read_text(path) == {"x": 1, "net": {"tau": 1e-3, "name": "a.b.c", "shape": [28, 28], "layer": [{"on": True}]}}
    with pytest.raises(UnsupportedError, match="TOML is only read"):
        write_text(tmp_path / "b.toml", {})


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED = [
    # YAML
    ("a.yaml", BOMB, "line 1, column 4: the anchor or alias 'a' is not read"),
    ("a.yaml", "a: 1\nb: *a\n", "line 2, column 4: the anchor or alias 'a' is not read"),
    ("a.yaml", "a: 1\n<<: *a\n", "line 2, column 5: the anchor or alias"),
    ("a.yaml", "a: !!python/object/apply:os.system ['touch evil']\n", "line 1, column 4: the tag 'tag:yaml.org,2002:python"),
    ("a.yaml", "a: !!float 1\n", "line 1, column 4: the tag"),
    ("a.yaml", "a: ! x\n", "line 1, column 4: the tag"),
    ("a.yaml", "a: !!set {x}\n", "line 1, column 4: the tag"),
    ("a.yaml", "%TAG ! tag:x,2000:\n---\na: 1\n", "line 1: '%TAG.*directive"),
    ("a.yaml", "a: 1\n...\n" + "%TAG !a! b\n" * 90_000, "line 3: '%TAG.*directive"),
    ("a.yaml", "a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins"),
    ("a.yaml", "a: 1\nb: {c: 1, d: 2, c: 3}\n", "line 2, column 17: the key 'c' is there twice"),
    ("a.yaml", "a: 1\nb: 2\n'a': 3\n", "line 3, column 1: the key 'a' is there twice"),
    ("a.yaml", "a:\n  1: x\n", "line 2, column 3: the key 1 is not text"),
    ("a.yaml", "true: x\n", "line 1, column 1: the key True is not text"),
    ("a.yaml", "? [a, b]\n: x\n", "line 1, column 3: the key .* is not text"),
    ("a.yaml", "? {a: b}\n: x\n", "line 1, column 3: the key .* is not text"),
    ("a.yaml", "a: .nan\n", "line 1, column 4: '.nan' is not a finite number"),
    ("a.yaml", "a: [1, -.inf]\n", "line 1, column 8: '-.inf' is not a finite number"),
    ("a.yaml", "a: 1e999\n", "line 1, column 4: '1e999' is not a finite number"),
    ("a.yaml", f"a: {'9' * 1001}\n", "line 1, column 4: a number has more than 1000 digits"),
    ("a.yaml", "a: b: c\n", r"line 1, column 5: .*mapping values are not allowed"),
    ("a.yaml", "a: [1, 2\nb: 3\n", "line [23], column"),
    ("a.yaml", "\ta: 1\n", "line 1, column 1: .*cannot start any token"),
    ("a.yaml", "a: 'x\n", "line 2, column 1: .*"),
    ("a.yaml", "a: \x07\n", "not allowed"),
    ("a.yaml", "a: " + "[" * 65 + "]" * 65, "line 1, column 67: nested deeper than 64 levels"),
    ("a.yaml", "[" * 100_000, "nested deeper than 64 levels"),
    ("a.yaml", "{a: " * 100_000, "nested deeper than 64 levels"),
    ("a.yaml", "- " * 100_000, "nested deeper than 64 levels"),
    ("a.yaml", "a: " + "x" * (1 << 20), "more than 1048576 bytes"),
    ("a.yml", "", "holds nothing"),
    ("a.yml", "# only a comment\n", "holds nothing"),
    ("a.yml", "[1, 2]", r"holds \[1, 2\]"),
    ("a.yml", "text", "holds 'text'"),
    # JSON
    ("a.json", '{"a": 1,\n "b": }', "line 2, column 7: Expecting value"),
    ("a.json", '{"a": 1} x', "line 1, column 10: Extra data"),
    ("a.json", "{'a': 1}", "line 1, column 2"),
    ("a.json", '{"a": 1, // why\n "b": 2}', "line 1, column 10"),
    ("a.json", '{"a": "x\ny"}', "line 1, column 9: Invalid control character"),
    ("a.json", '{"a": {"b": 1, "c": [{"b": 1}]},\n "a": 2}', "line 2, column 2: the key 'a' is there twice"),
    ("a.json", '{"\\u0061": [{}, "a", {"a": "\\""}],\n\n  "a" : 2}', "line 3, column 3: the key 'a' is there twice"),
    ("a.json", '{"a": "NaN",\n "b": NaN}', "line 2, column 7: 'NaN' is not a finite number"),
    ("a.json", '{"a": [1, -Infinity]}', "line 1, column 11: '-Infinity' is not a finite number"),
    ("a.json", '{"a": 1e999}', "line 1, column 7: '1e999' is not a finite number"),
    ("a.json", '{"a": ' + "9" * 1001 + "}", "line 1, column 7: a number has more than 1000 digits"),
    ("a.json", '{"a": ' + "[" * 64 + "]" * 64 + "}", "nested deeper than 64 levels"),
    ("a.json", "[" * 100_000, "nested deeper than 64 levels"),
    ("a.json", '{"a": "' + "x" * (4 << 20) + '"}', "more than 4194304 bytes"),
    ("a.json", "", "line 1, column 1: Expecting value"),
    ("a.json", "[]", r"holds \[\]"),
    ("a.json", b'{"a": "\xff"}', "byte 7 is not UTF-8"),
    # TOML
    ("a.toml", "a = 1\nb = \n", "line 2, column 5"),
    ("a.toml", "a = 1\na = 2\n", "line 2, column 6"),
    ("a.toml", "a = nan\n", "content.a: nan cannot be stored"),
    ("a.toml", "[t]\na = [1, inf]\n", r"content.t.a\[1\]: inf cannot be stored"),
    ("a.toml", "a = 2020-01-01\n", "content.a: a value is of type date"),
    ("a.toml", "a = " + "9" * 5000, "digits"),
    ("a.toml", "a = " + "9" * 2000, "more than 1000 digits"),
    ("a.toml", "a = " + "[" * 100_000, "nested deeper than 64 levels"),
    ("a.toml", "a = " + "[" * 65 + "]" * 65, "content.a.*: the nesting is too deep"),
    ("a.toml", "b = 1\n" + "a." * 200_000 + "a = 1", "line 2, column 1: a key of more than 32 parts"),
    ("a.toml", "b = {" + '\'a\' . "\\"" .\t' * 200_000 + "a = 1}", "line 1, column 6: a key of more than 32 parts"),
    ("a.toml", "[" + "a." * 1000 + "a]", "line 1, column 2: a key of more than 32 parts"),
]


@pytest.mark.parametrize(("name", "content", "fault"), REFUSED, ids=lambda value: None if not isinstance(value, str) else value[:20])
def test_what_is_refused(tmp_path, monkeypatch, name, content, fault):
    monkeypatch.chdir(tmp_path)
    path = file(tmp_path, name, content)
    start = time.process_time()
    with pytest.raises(DataError, match=fault) as caught:
        read_text(path)
    assert time.process_time() - start < 2
    assert str(caught.value).startswith(f"{path}: ") and "; " in str(caught.value) and len(str(caught.value)) < 600
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    "content",
    [
        '"' * 2_000_000,
        '"\\' * 2_000_000,
        "a" * 4_000_000,
        "a " * 2_000_000,
        "'.'." * 1_000_000,
        ("a." * 31 + "=") * 60_000,
        ("a  .  " * 31 + "=") * 20_000,
        '"' + '\\"' * 2_000_000,
    ],
    ids=lambda content: content[:8],
)
def test_the_search_for_long_keys_takes_no_longer_than_the_text(tmp_path, content):
    start = time.process_time()
    text._LONG_KEY.search(content)
    assert time.process_time() - start < 3


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({"a": {"b": [1, (2,)]}}, r"tree.a.b\[1\]: a value is of type tuple"),
        ({"a": {1: 2}}, "tree.a: a key is of type int"),
        ({"a": math.nan}, "tree.a: nan cannot"),
        ({"a": "\ud800"}, "tree.a: a value is not valid Unicode"),
        ({"a": {1}}, "tree.a: a value is of type set"),
        ({"a": 10**1000}, "tree.a: the number has more than"),
        ([1], "is not a dictionary"),
        (None, "is not a dictionary"),
        ({"a": "x" * (5 << 20)}, "more than"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_what_is_not_written(tmp_path, suffix, tree, fault):
    path = write_text(tmp_path / f"a{suffix}", {"old": 1})
    with pytest.raises(DataError, match=fault):
        write_text(path, tree)
    assert read_text(path) == {"old": 1} and os.listdir(tmp_path) == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nesting_that_is_written(tmp_path, suffix):
    tree: dict[str, object] = {}
    for _ in range(63):
        tree = {"a": tree}
    assert read_text(write_text(tmp_path / f"a{suffix}", tree)) == tree
    with pytest.raises(DataError, match="too deep"):
        write_text(tmp_path / f"b{suffix}", {"a": tree})


def test_a_tree_that_would_change_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setitem(text._WRITERS, ".json", lambda tree, path: '{"a": 1.0}')
    with pytest.raises(DataError, match="would not be read back"):
        write_text(tmp_path / "a.json", {"a": 1})
    assert os.listdir(tmp_path) == []


def test_suffixes_and_paths(tmp_path):
    for call in (lambda path: read_text(path), lambda path: write_text(path, {})):
        with pytest.raises(DataError, match="the suffix '.jsn' .*; did you mean '.json'"):
            call(tmp_path / "a.jsn")
        with pytest.raises(DataError, match="the suffix '' "):
            call(tmp_path / "a")
        with pytest.raises(InputError, match="is not the name of a file"):
            call("")
    with pytest.raises(DataError, match="cannot be read .No such file"):
        read_text(tmp_path / "none.json")
    with pytest.raises(DataError, match="no folder"):
        write_text(tmp_path / "none" / "a.json", {})
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match="not a regular file"):
        read_text(tmp_path / "pipe.json")


def test_writing_is_atomic(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.yaml", {"old": 1})

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(DataError, match="No space left"):
            write_text(path, {"new": 1})
    assert read_text(path) == {"old": 1} and os.listdir(tmp_path) == ["a.yaml"]


def test_yaml_without_its_package(tmp_path, monkeypatch):
    def missing(name, *arguments):
        raise ImportError(name)

    path = file(tmp_path, "a.yaml", "a: 1")
    monkeypatch.setattr(importlib, "import_module", missing)
    for call in (lambda: read_text(path), lambda: write_text(path, {})):
        with pytest.raises(UnsupportedError, match="pip install pyyaml"):
            call()


def test_nothing_is_imported_for_json(tmp_path, monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(yaml_text, "_yaml", None)
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: real(name, *rest) if name != "yaml" else 1 / 0)
    assert read_text(write_text(tmp_path / "a.json", {"a": 1})) == {"a": 1}
