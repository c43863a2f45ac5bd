"""A kernel spread over threads does each piece once, whichever threads do it."""

import os
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.threads import launcher, team

linux = pytest.mark.skipif(sys.platform != "linux", reason="the OpenMP of torch is used on Linux")
kernels = jit.load(
    '''"""Kernels for tests."""

KERNELS = ("count", "draft", "fail", "early", "slow")


def count(lo, hi, out, step):
    for i in range(lo, hi):
        out[i] += step


def draft(lo, hi, x, out, page, sheet):
    for i in range(lo, hi):
        for k in range(len(page)):
            page[k] = x[i] + k
        sheet[0, 0] += 1
        for k in range(len(page)):
            out[i] += page[k]


def fail(lo, hi, at):
    if lo <= at < hi:
        raise ValueError("this one")


def early(lo, hi, out, end):
    for i in range(lo, hi):
        if i >= end:
            return
        out[i] = i


def slow(lo, hi, out):
    for i in range(lo, hi):
        x = 0.0
        for k in range(2000):
            x += (k % 7) * 0.5
        out[i] = x
''',
    "for_tests",
    "tests",
)


@pytest.fixture(params=[pytest.param("openmp", marks=linux), "python"])
def way(request, monkeypatch):
    """Both ways to have threads."""
    monkeypatch.setattr(team, "_PAUSE", 0.0)  # on a busy machine OpenMP would be left alone
    monkeypatch.setattr(team, "_paused_until", 0.0)
    if request.param == "python":
        monkeypatch.setattr(team, "_openmp", lambda: 0)
    else:
        assert team._openmp()
    return request.param


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("total, grain", [(0, 1), (1, 1), (2, 1), (7, 1), (100, 1), (1000, 64), (1000, 999), (5, 0)])
def test_each_element_is_done_once(way, threads, total, grain):
    out = np.zeros(total + 3)
    team.spread(kernels.count, total, (out, 2.0), grain, threads=threads)
    assert out.tolist() == [2.0] * total + [0.0] * 3


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_thread_has_its_own_scratch(way, threads):
    x, out = np.arange(500.0), np.zeros(500)
    page, sheet = np.zeros((threads, 40)), np.zeros((threads, 2, 3), np.int32)
    team.spread(kernels.draft, 500, (x, out), threads=threads, scratch=(page, sheet))
    np.testing.assert_array_equal(out, 40 * x + 40 * 39 / 2)
    assert sheet[:, 0, 0].sum() == 500
    assert np.count_nonzero(sheet) <= threads


def test_fewer_rows_than_threads_are_never_left(way):
    x, out = np.arange(500.0), np.zeros(500)
    page, sheet = np.zeros((3, 40)), np.zeros((3, 2, 3), np.int32)
    team.spread(kernels.draft, 500, (x, out), threads=7, scratch=(page[:2], sheet[:2]))
    np.testing.assert_array_equal(out, 40 * x + 40 * 39 / 2)
    assert not page[2].any()
    assert sheet[:2, 0, 0].sum() == 500


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_an_error_of_a_kernel_is_raised(way, threads):
    for at in (0, 50, 99):
        with pytest.raises(ValueError, match="this one"):
            team.spread(kernels.fail, 100, (at,), threads=threads)
    team.spread(kernels.fail, 100, (100,), threads=threads)


def test_a_kernel_may_return_early(way):
    out = np.zeros(60)
    team.spread(kernels.early, 60, (out, 25), threads=2)
    np.testing.assert_array_equal(out, np.where(np.arange(60) < 25, np.arange(60), 0))


@pytest.mark.parametrize("name", ["kernel", "take", "fork", "own"])
def test_any_name_of_a_kernel(name):
    text = f'KERNELS = ("{name}",)\n\n\ndef {name}(lo, hi, out):\n    for i in range(lo, hi):\n        out[i] += i\n'
    out = np.zeros(9)
    team.spread(getattr(jit.load(text, name), name), 9, (out,), threads=2)
    assert out.tolist() == list(range(9))


def test_other_types_of_arguments(way):
    for kind in (np.float32, np.int16):
        out = np.zeros(20, kind)
        team.spread(kernels.count, 20, (out, 3), threads=2)
        assert out.tolist() == [3] * 20
    strided = np.zeros(40)
    team.spread(kernels.count, 20, (strided[::2], 1), threads=2)
    assert strided.tolist() == [1, 0] * 20


def test_several_python_threads_at_once(way):
    outs = [np.zeros(1000) for _ in range(4)]

    def work(out):
        for _ in range(50):
            team.spread(kernels.count, 1000, (out, 1.0), threads=2)

    threads = [threading.Thread(target=work, args=(out,)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert [set(out) for out in outs] == [{50.0}] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process(way):
    out = np.zeros(1000)
    torch.ones(300, 300) @ torch.ones(300, 300)
    team.spread(kernels.count, 1000, (out, 1.0), threads=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forking while there are threads
        child = os.fork()
    if child == 0:  # no assertion here: pytest would go on twice
        for _ in range(5):
            team.spread(kernels.count, 1000, (out, 1.0), threads=2)
        os._exit(0 if set(out) == {6.0} and not team._openmp() else 1)
    end = time.monotonic() + 60
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.01)
    if done == (0, 0):
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert done == (child, 0)
    assert set(out) == {1.0}


def test_a_plain_function_is_called_once():
    calls = []
    rows = np.arange(6).reshape(2, 3)
    team.spread(lambda *args: calls.append(args), 10, ("a", 3), threads=4, scratch=(rows,))
    team.spread(lambda *args: calls.append(args), 0, (), threads=4)
    ((lo, hi, a, three, row),) = calls
    assert (lo, hi, a, three, row.tolist()) == (0, 10, "a", 3, [0, 1, 2])


# --- the threads of torch


@linux
def test_it_is_the_openmp_that_torch_uses():
    address = team._find_openmp(torch.__file__)
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    ranges = [(*(int(x, 16) for x in line[0].split("-")), line[-1]) for line in lines]
    (file,) = [file for low, high, file in ranges if low <= address < high]
    assert "omp" in os.path.basename(file)
    torch_folder = os.path.dirname(torch.__file__)
    shipped = [f for f in os.listdir(os.path.join(torch_folder, "lib")) if "omp" in f]
    assert not shipped or file.startswith(torch_folder)


@linux
def test_other_places_have_no_openmp(tmp_path):
    assert team._find_openmp(str(tmp_path / "__init__.py")) == 0
    assert team._find_openmp(None) == 0


@linux
def test_the_threads_are_those_of_the_team(monkeypatch):
    monkeypatch.setattr(team, "_paused_until", 0.0)
    launch, counters, out = launcher.of(kernels.slow, 1, 0), np.zeros(4, np.int64), np.zeros(4000)
    launch(team._openmp(), 3, counters, len(out), 300, out)
    assert counters[launcher.MEMBER] == counters[launcher.DONE] == 3
    assert counters[launcher.PIECE] == 300 + 3
    assert set(out) == {sum((k % 7) * 0.5 for k in range(2000))}


def test_how_many_had_come_when_the_first_was_done():
    launch, out = launcher.of(kernels.count, 2, 0), np.zeros(10)
    for before in (0, 4):
        counters = np.array([0, before, 0, 0])
        for _ in range(2):
            launch(0, 1, counters, 10, 3, out, 1.0)
        assert counters[launcher.PRESENT] == before + 1
        assert counters[launcher.MEMBER] == before + 2
    assert out.tolist() == [2.0] * 10


@linux
def test_openmp_is_left_alone_for_a_while_where_a_thread_does_not_come(monkeypatch):
    monkeypatch.setattr(team, "_paused_until", 0.0)
    monkeypatch.setattr(team, "_PAUSE", 0.05)

    def launch(address, threads, counters, *rest):
        time.sleep(2 * team._LATE)
        counters[launcher.PRESENT] = present

    present = 2
    team._launch(launch, 2, 10, 6, ())
    assert team._openmp()
    present = 1
    team._launch(launch, 2, 10, 6, ())
    assert not team._openmp()
    time.sleep(0.06)
    assert team._openmp()


def test_the_text_names_what_it_runs():
    text = launcher.source("forward_team", "spaic_kernels_lif", 2, 1)
    assert '"""Runs a kernel of spaic_kernels_lif on a team of threads."""' in text
    assert "def forward_team(address, threads, counters, total, pieces, a0, a1, s0):" in text
    assert "kernel(lo, hi, a0, a1, s0[own])" in text
