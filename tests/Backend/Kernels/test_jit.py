"""Texts become modules whose kernels are compiled once per machine, whatever happens to the files."""

import gc
import importlib.util
import inspect
import io
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spaic.Backend.Kernels.compiling import announce, cache, jit
from spaic.Backend.Kernels.threads import team

ROOT = Path(__file__).parents[3]
TEXT = '''"""Kernels for tests."""

import numpy as np

from spaic.Backend.Kernels.shipped.vector_math import exp

KERNELS = ("scaled", "decayed")
HELPERS = ("twice",)


def twice(x):
    return x + x


def scaled(lo, hi, x, y):
    for i in range(lo, hi):
        y[i] = twice(x[i])


def decayed(lo, hi, x, y):
    for i in range(lo, hi):
        y[i] = exp(-x[i])
'''


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty cache, in a process that has loaded nothing."""
    monkeypatch.setattr(cache, "_private", None)
    monkeypatch.setattr(jit, "_modules", {})
    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def compiled(caplog):
    """What has been compiled, rather than loaded, since it was last asked."""
    caplog.set_level(logging.INFO, "spaic.kernels")

    def since():
        found = [r.getMessage().partition(" in ")[0] for r in caplog.records if r.levelno == logging.INFO]
        caplog.clear()
        return found

    return since


def again():
    """The module as another process would load it."""
    jit._modules.clear()
    return jit.load(TEXT, "test")


def check(module, kind=np.float32):
    x, y = np.arange(5, dtype=kind), np.zeros(5, kind)
    module.scaled(1, 4, x, y)
    assert y.tolist() == [0, 2, 4, 6, 0]


def code_files(place):
    return sorted(place.rglob("*.nbc"))


# --- modules


def test_a_text_becomes_a_module(place):
    module = jit.load(TEXT, "test")
    check(module)
    check(module, np.float64)
    x = np.linspace(0, 3, 50)
    y = np.zeros_like(x)
    module.decayed(0, 50, x, y)
    np.testing.assert_allclose(y, np.exp(-x), rtol=1e-15)
    assert module.__doc__ == "Kernels for tests."


def test_the_same_text_gives_the_same_module(place):
    module = jit.load(TEXT, "test")
    assert jit.load(TEXT, "test") is module
    assert jit.load(TEXT + "# other\n", "test") is not module


def test_the_file_shows_the_text(place):
    module = jit.load(TEXT, "three-state model")
    path = Path(module.__file__)
    assert path.parent == place
    assert path.name.startswith("three_state_model_")
    assert path.read_text() == TEXT
    assert "y[i] = twice(x[i])" in inspect.getsource(module.scaled.py_func)


def test_other_versions_and_processors_have_other_files(place, monkeypatch):
    before = jit._digest(TEXT)
    for k in range(len(jit._environment())):
        changed = list(jit._environment())
        changed[k] += "x"
        with monkeypatch.context() as patch:
            patch.setattr(jit, "_environment", lambda changed=changed: tuple(changed))
            assert jit._digest(TEXT) != before
    assert len(jit._environment()) == 5 + len(jit._MAKERS)


def test_a_text_that_fails_leaves_no_module(place):
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            jit.load("1 / 0\n", "wrong")
    assert not [name for name in set(sys.modules) - before if "wrong" in name]


def test_a_module_of_the_package_stays_plain(place, tmp_path):
    (tmp_path / "plain.py").write_text(TEXT)
    spec = importlib.util.spec_from_file_location("plain", tmp_path / "plain.py")
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    fast = jit.shipped(plain)
    assert not hasattr(plain.scaled, "py_func")
    assert fast.scaled.py_func.__code__.co_code == plain.scaled.__code__.co_code
    assert Path(fast.__file__).name.startswith("plain_")
    check(plain)
    check(fast)


def test_loops_over_several_arrays_need_no_check_that_they_overlap(place):
    text = 'KERNELS = ("add",)\ndef add(lo, hi, a, b, c, d):\n    for i in range(lo, hi):\n        d[i] = a[i] + b[i] * c[i]\n'
    add = jit.load(text, "add").add
    arrays = [np.ones(64, np.float32) for _ in range(4)]
    add(0, 64, *arrays)
    assert arrays[3].tolist() == [2] * 64
    (code,) = add.inspect_llvm().values()
    assert "vector.body" in code
    assert "vector.memcheck" not in code


# --- on the disk


def test_compiled_code_is_loaded_from_the_disk(place, compiled):
    check(jit.load(TEXT, "test", "layer1 (lif)"))
    assert compiled() == ["spaic: compiling scaled of layer1 (lif)"]
    check(again())
    assert compiled() == []
    check(again(), np.float64)
    assert compiled() == ["spaic: compiling scaled of test"]
    check(again(), np.float64)
    check(again())
    assert compiled() == []
    assert len(code_files(place)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"\x00garbage" * 100,
        lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:],
    ],
    ids=["empty", "half", "cut", "garbage", "one bit"],
)
def test_damaged_code_is_compiled_anew(place, compiled, damage):
    check(again())
    (file,) = code_files(place)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    compiled()
    check(again())
    assert len(compiled()) == 1
    check(again())
    assert compiled() == []
    assert code_files(place) == [file]


def test_code_under_the_name_of_another_is_not_run(place, compiled):
    check(again())
    (single,) = code_files(place)
    check(again(), np.float64)
    (double,) = set(code_files(place)) - {single}
    shutil.copy(single, double)
    compiled()
    check(again(), np.float64)
    assert len(compiled()) == 1


def test_a_changed_text_is_not_run(place):
    path = Path(again().__file__)
    path.write_text(TEXT.replace("x + x", "x * 100"))
    check(again())
    assert path.read_text() == TEXT


def test_code_that_cannot_be_kept_runs_all_the_same(place, caplog):
    module = again()
    shutil.rmtree(place / "__pycache__")
    (place / "__pycache__").write_text("in the way")
    check(module)
    check(module, np.float64)
    assert [r.levelname for r in caplog.records if r.name == "spaic.kernels"] == ["WARNING"]
    assert "compiled code is not kept" in caplog.text


def test_a_folder_that_vanishes_is_made_again(place):
    module = again()
    shutil.rmtree(place)
    check(module)
    check(again())


def test_another_version_of_numba_keeps_its_own_files(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "spaic.Backend.Kernels.compiling.stored", None)  # its import fails
    check(again())
    assert list(place.rglob("*.nbi"))


WORKER = f"""
import logging, sys, types, warnings
import numpy as np
sys.modules["spaic"] = types.ModuleType("spaic")  # without what importing spaic imports: torch takes seconds
sys.modules["spaic"].__path__ = [{str(ROOT / "spaic")!r}]
from spaic.Backend.Kernels.compiling import jit
warnings.simplefilter("error")
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
logging.getLogger("numba").setLevel(logging.ERROR)
module = jit.load({TEXT!r}, "test")
for kind in (np.float32, np.float64):
    x, y = np.arange(5, dtype=kind), np.zeros(5, kind)
    module.scaled(1, 4, x, y)
    print(y.tolist())
"""


def start(**environment):
    environment = {**os.environ, **environment}
    return subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_processes_at_once_on_an_empty_cache(place):
    processes = [start() for _ in range(8)]
    answers = [process.communicate(timeout=300) for process in processes]
    for process, (out, err) in zip(processes, answers, strict=True):
        assert (process.returncode, err) == (0, "")
        assert out.count("[0.0, 2.0, 4.0, 6.0, 0.0]") == 2
    texts = sorted(f.name for f in place.glob("*.py"))
    assert len(texts) == 1
    assert len(code_files(place)) == 2
    assert len([f for f in place.rglob("*") if f.is_file()]) == 4  # the text, when it was used, and its code: nothing is left over
    out, err = start().communicate(timeout=300)
    assert out.splitlines() == ["[0.0, 2.0, 4.0, 6.0, 0.0]"] * 2  # and no line that says that something was compiled


def test_without_compiling(place):
    out, err = start(NUMBA_DISABLE_JIT="1").communicate(timeout=300)
    assert out.splitlines() == ["[0.0, 2.0, 4.0, 6.0, 0.0]"] * 2, err


# --- what is shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_on_the_terminal_while_something_is_compiled(place, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    check(jit.load(TEXT, "test", "layer1 (lif)"))
    line = f"spaic: compiling scaled of layer1 (lif) (once, kept in {place}) ..."
    assert sys.stderr.getvalue() == f"\r{line}\r{' ' * len(line)}\r"
    check(again())
    assert sys.stderr.getvalue().count("compiling") == 1


def test_a_kernel_that_is_spread_is_announced_by_its_name(place, compiled):
    module = jit.load(TEXT, "test", "layer1 (lif)")
    x, y = np.arange(5.0), np.zeros(5)
    team.spread(module.scaled, 5, (x, y), threads=1)
    assert y.tolist() == [0, 2, 4, 6, 8]
    assert compiled() == ["spaic: compiling scaled of layer1 (lif)"]
    assert len(code_files(place)) == 1
    assert not module.scaled.signatures  # it is compiled within what spreads it, and only there


@pytest.mark.parametrize("was_on", [True, False])
def test_no_garbage_is_searched_for_while_something_is_compiled(place, monkeypatch, was_on):
    seen = []
    failing = "\n\ndef failing(lo, hi, x):\n    x.nowhere()\n"
    module = jit.load(TEXT.replace('("scaled", "decayed")', '("scaled", "failing")') + failing, "kernels")
    monkeypatch.setattr(announce, "_show", lambda text: seen.append(gc.isenabled()) or "")
    monkeypatch.setattr(announce, "_erase", lambda line: seen.append(gc.isenabled()))
    (gc.enable if was_on else gc.disable)()
    try:
        module.scaled(0, 1, np.ones(1), np.ones(1))
        assert seen == [was_on, False]
        assert gc.isenabled() == was_on
        with pytest.raises(Exception, match="nowhere"):
            module.failing(0, 1, np.ones(1))
        assert gc.isenabled() == was_on
    finally:
        gc.enable()


def test_no_line_where_there_is_no_terminal(place, capfd):
    check(again())
    assert capfd.readouterr() == ("", "")


def test_what_others_compile_is_not_announced(place, monkeypatch, compiled):
    from numba import njit

    check(again())
    compiled()
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert njit(lambda x: x + 1)(2) == 3
    assert sys.stderr.getvalue() == ""
    assert compiled() == []
    assert announce.label("elsewhere") == ""
