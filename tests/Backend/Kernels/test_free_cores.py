"""Threads that wait for each other get cores of their own, or there is one of them."""

import pytest

from spaic.Backend.Kernels.threads.free_cores import _running, free


@pytest.mark.parametrize(
    "threads, running, cores, expected",
    [(1, 9, 2, 1), (2, 1, 2, 2), (2, 2, 2, 1), (2, 3, 2, 1), (4, 1, 2, 2), (8, 3, 16, 8), (8, 12, 16, 5), (2, 50, 2, 1)],
)
def test_as_many_as_are_free(threads, running, cores, expected):
    assert free(threads, lambda: running, lambda: cores) == expected


def test_a_thread_that_goes_to_sleep_is_waited_for():
    """A thread of torch that still spins is no other program."""
    looks = iter([2, 2, 1])
    assert free(2, lambda: next(looks), lambda: 2) == 2


def test_this_thread_runs():
    assert _running() >= 1
