"""The memory of transitions, and the history of returns."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, InputError, StateError, UnknownName
from spaic.IO import Returns


def filled(count, capacity=4, seed=0):
    memory = spaic.ReplayMemory(capacity, seed)
    for n in range(count):
        memory.push(np.full(2, float(n)), n % 3, np.full(2, n + 1.0), 0.5 * n, done=n % 2 == 1)
    return memory


def test_the_oldest_make_room():
    memory = filled(6)
    drawn = memory.sample(4)
    assert len(memory) == 4 and drawn.state.shape == (4, 2) and sorted(drawn.state[:, 0]) == [2, 3, 4, 5]
    assert np.array_equal(drawn.next_state, drawn.state + 1) and np.array_equal(drawn.reward, 0.5 * drawn.state[:, 0])
    assert np.array_equal(drawn.action, drawn.state[:, 0] % 3) and np.array_equal(drawn.done, drawn.state[:, 0] % 2 == 1)


def test_the_seed_decides_and_nothing_is_drawn_twice():
    one, same, other = filled(40, 40), filled(40, 40), filled(40, 40, seed=1)
    first = one.sample(20).state
    assert np.array_equal(first, same.sample(20).state) and not np.array_equal(first, other.sample(20).state)
    assert len(np.unique(first[:, 0])) == 20 and not np.array_equal(first, one.sample(20).state)


def test_all_are_drawn_equally_often():
    memory = filled(10, 10)
    counts = np.bincount(np.concatenate([memory.sample(5).state[:, 0] for _ in range(400)]).astype(int), minlength=10)
    assert np.abs(counts - 200).max() < 4 * np.sqrt(200 * 0.5)


def test_spaic_s_transitions_of_four_and_ends_without_a_next_state():
    memory = spaic.ReplayMemory(2)
    memory.push(spaic.Transition([0.0], 1, [1.0], 2.0))
    memory.push([0.0], 1, None, 2.0)
    assert sorted(memory.sample(2).done.tolist()) == [False, True]


@pytest.mark.parametrize("first", [np.zeros(2, np.uint8), [0, 0], np.zeros(2, np.float16), [False, False]])
def test_the_first_row_does_not_decide_what_numbers_there_can_be(first):
    memory = spaic.ReplayMemory(4)
    memory.push(first, 0, first, 1.0)
    memory.push([300, -1], 0, [300, -1], 1.0)
    memory.push([0.7, 0.2], [2.5][0], [0.9, 0.4], 1.0)
    drawn = memory.sample(3)
    assert sorted(map(tuple, drawn.state.tolist())) == [(0, 0), (0.7, 0.2), (300, -1)]
    assert sorted(map(tuple, drawn.next_state.tolist())) == [(0, 0), (0.9, 0.4), (300, -1)] and sorted(drawn.action) == [0, 0, 2.5]
    assert spaic.ReplayMemory(4).push(first, 0, first, 1.0) is None


def test_pictures_stay_small():
    memory = spaic.ReplayMemory(2)
    for _ in range(3):
        memory.push(np.full((2, 2), 200, np.uint8), 0, None, 1.0)
    assert memory.sample(2).state.dtype == memory.sample(2).next_state.dtype == np.uint8


def test_a_tensor_with_a_gradient():
    memory = spaic.ReplayMemory(2)
    memory.push(torch.ones(2, requires_grad=True), 0, None, 1.0)
    assert memory.sample(1).state.tolist() == [[1.0, 1.0]] and memory.sample(1).done.tolist() == [True]


def test_saved_and_resumed():
    memory = filled(6)
    memory.sample(2)
    again = spaic.ReplayMemory(4)
    again.load_state(memory.state())
    for _ in range(3):
        memory.push(np.ones(2), 0, np.ones(2), 1.0)
        again.push(np.ones(2), 0, np.ones(2), 1.0)
        assert all(np.array_equal(a, b) for a, b in zip(memory.sample(3), again.sample(3), strict=True))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (([0.0, 1.0], 0, [0.0], 1.0), "state has shape"),
        (([0.0], 0, [0.0], 1.0), "those before"),
        (([0.0, np.nan], 0, [0.0, 1.0], 1.0), "state holds nan"),
        (([0.0, 1.0], 0, [0.0, 1.0], np.inf), "reward holds inf"),
        (([0.0, 1.0], "left", [0.0, 1.0], 1.0), "action is 'left', not numbers"),
        (([[1.0], [1.0, 2.0]], 0, [0.0, 1.0], 1.0), r"state is \[\[1.0\], \[1.0, 2.0\]\], not numbers"),
        (("abc",), "state is 'abc', not numbers"),
        (([0.0, 1.0], 0, [0.0, 1.0], None), "reward is None, not numbers"),
        (([0.0, 1.0], 0, [0.0, 1.0], 1.0, "yes"), "done is 'yes'; give True or False"),
    ],
)
def test_rows_that_do_not_fit(row, text):
    memory = filled(2)
    with pytest.raises(InputError, match=text):
        memory.push(*row)
    assert len(memory) == 2


def test_what_cannot_be_meant():
    for capacity in (0, 2.5, True, None):
        with pytest.raises(DeclarationError, match="capacity"):
            spaic.ReplayMemory(capacity)
    with pytest.raises(DeclarationError, match="seed"):
        spaic.ReplayMemory(1, seed="a")
    with pytest.raises(StateError, match="5 transitions are asked for, it holds 2"):
        filled(2).sample(5)
    with pytest.raises(StateError, match="capacity and seed were 4 and 0"):
        filled(0, 5).load_state(filled(2).state())


COLUMNS = filled(2).state()["columns"]


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"state": np.zeros((2, 2))}},
        {"columns": None},
        {"columns": {}},
        {"columns": {**COLUMNS, "reward": [[1.0], [1.0, 2.0]]}},
        {"columns": {**COLUMNS, "reward": 1.0}},
        {"count": -1},
        {"count": "a"},
        {"draws": 0.5},
    ],
)
def test_states_of_no_memory(change):
    memory = filled(3)
    for state in ({**filled(2).state(), **change}, {}, None):
        with pytest.raises(StateError, match="what state"):
            memory.load_state(state)
    assert len(memory) == 3 and memory.sample(3).state.shape == (3, 2)


class TestReturns:
    def test_means(self):
        history = Returns()
        for n in range(6):
            history.add(n, n + 1, 10 * n)
        assert history.episodes == 6 and history.mean() == 2.5 and history.mean(2) == 4.5
        assert np.allclose(history.running_mean(3), [0, 0.5, 1, 2, 3, 4])
        assert Returns.from_state(history.state()) == history and np.isnan(Returns().mean())
        with pytest.raises(UnknownName, match="did you mean 'returns'"):
            history["return"]

    @pytest.mark.parametrize("window", [0, -1, 1.5, True, "a"])
    def test_windows_that_are_none(self, window):
        history = Returns([1.0, 2.0, 9.0], [1, 1, 1], [1, 2, 3])
        for read in (history.mean, history.running_mean):
            with pytest.raises(DeclarationError, match=f"Returns.{read.__name__}.window: .*{window!r}"):
                read(window)

    @pytest.mark.parametrize(
        "state", [{}, {"returns": [1.0], "lengths": [1], "steps": []}, {"returns": ["a"], "lengths": [1], "steps": [1]}]
    )
    def test_states_that_are_none(self, state):
        with pytest.raises(StateError, match="what state"):
            Returns.from_state(state)

    def test_drawn(self):
        history = Returns([1.0, 2.0, 6.0], [1, 2, 6], [1, 3, 9])
        ax = spaic.Plot.returns(history, window=2)
        assert ax.lines[0].get_ydata().tolist() == [1, 2, 6] and ax.lines[1].get_ydata().tolist() == [1, 1.5, 4]
        assert len(spaic.Plot.returns({"a": history, "b": [3.0]}).lines) == 4
        for wrong, text in (((history, None, 0), "window"), ((np.zeros((2, 2)), None, 2), "one return per episode")):
            with pytest.raises(InputError, match=text):
                spaic.Plot.returns(wrong[0], wrong[1], window=wrong[2])
