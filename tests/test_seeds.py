"""Random numbers belong to (seed, path, purpose, run) and to nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaic.seeds import Key, Noise

KEY = Key(3, "layer1", "noise", 2)


def draws(key, *more):
    return key.generator(*more).standard_normal(8)


def test_a_key_is_its_numbers():
    assert np.array_equal(draws(KEY), draws(Key(3, "layer1", "noise", 2)))


@pytest.mark.parametrize(
    "other", [Key(4, "layer1", "noise", 2), Key(3, "layer2", "noise", 2), Key(3, "layer1", "weight", 2), Key(3, "layer1", "noise", 1)]
)
def test_every_part_of_a_key_counts(other):
    assert not np.array_equal(draws(KEY), draws(other))


def test_blocks_of_a_key_differ():
    assert len({tuple(draws(KEY, n)) for n in range(20)} | {tuple(draws(KEY))}) == 21


def test_parts_of_a_key_do_not_run_together():
    keys = [Key(1, "2", "a"), Key(12, "", "a"), Key(1, "2a", ""), Key(1, "", "2a"), Key(1, "2", "a", 1), Key(1, "2", "a1")]
    assert len({k.entropy() for k in keys}) == len(keys)


def test_numbers_stay_the_same_over_versions():
    """Saved experiments depend on them; a change here is a change of every seed."""
    assert Key(0, "layer1", "weight").entropy() == 0x2CDFAC59A0C886C1FAEE40F6B1844F37
    assert Key(0, "layer1", "weight").generator().random(2).tolist() == [0.3535793101992202, 0.004245646231199385]


def test_the_global_generator_is_left_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    draws(KEY)
    Noise(KEY, (2,)).steps(0, 100)
    assert np.array_equal(np.random.get_state()[1], before)


@settings(deadline=None)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=6), st.integers(0, 100))
def test_noise_does_not_depend_on_the_pieces(lengths, start):
    noise, ends = Noise(KEY, (2, 3)), start + np.cumsum([0, *lengths])
    parts = [noise.steps(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    assert np.array_equal(np.concatenate(parts), Noise(KEY, (2, 3)).steps(start, ends[-1]))


def test_noise_is_standard_normal_and_independent_between_steps():
    x = Noise(KEY, (1000,)).steps(0, 400)
    assert abs(x.mean()) < 4 / np.sqrt(x.size) and abs(x.var() - 1) < 4 * np.sqrt(2 / x.size)
    assert abs(np.mean(x[1:] * x[:-1])) < 4 / np.sqrt(x.size)
    assert abs(np.mean(x[:, 1:] * x[:, :-1])) < 4 / np.sqrt(x.size)
    assert abs(np.mean(x**4) - 3) < 4 * np.sqrt(96 / x.size)
