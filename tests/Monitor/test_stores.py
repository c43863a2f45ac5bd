"""Where samples are kept: memory and disk do the same, for samples of every shape and kind."""

import numpy as np
import pytest

from spaic.Monitor.disk import DiskStore
from spaic.Monitor.file import Layout
from spaic.Monitor.memory import MemoryStore


def disk(folder, shape, dtype, is_packed=False):
    store = DiskStore(str(folder / "rec.h5"))
    DiskStore.make({"m": (store, Layout(shape, np.dtype(dtype), is_packed, 10))}, {})
    return store


@pytest.mark.parametrize("shape", [(), (1,), (3,), (4, 5), (2, 3, 1, 7), (1, 1)])
@pytest.mark.parametrize(("dtype", "is_packed"), [("float32", False), ("float64", False), ("uint8", True), ("float32", True)])
def test_both_keep_the_same(shape, dtype, is_packed, tmp_path):
    rng = np.random.default_rng(0)
    stores = [MemoryStore(), disk(tmp_path, shape, dtype, is_packed)]
    assert all(s.shape is None and s.nbytes == 0 and len(s.steps()) == 0 for s in stores)
    given, done = np.zeros((0, *shape), dtype), 0
    for count in (0, 1, 3, 0, 40, 1):
        values = rng.random((count, *shape))
        samples = (values > 0.5).astype(dtype) if is_packed else values.astype(dtype)
        given = np.concatenate([given, samples])
        for store in stores:
            store.append(np.arange(done + 1, done + count + 1), samples)
            assert store.shape == shape and store.steps().tolist() == list(range(1, len(given) + 1))
            found = store.read(0, len(given))
            assert found.dtype == dtype and np.array_equal(found, given)
        done += count
    for store in stores:
        assert np.array_equal(store.read(2, 7), given[2:7]) and store.read(5, 5).shape == (0, *shape)
        assert np.array_equal(np.concatenate([block for _, block in store.blocks(1, 45)]), given[1:45])
        store.clear()
        assert store.shape is None and len(store.steps()) == 0
        store.append(np.array([50]), given[:1])
        assert store.steps().tolist() == [50] and np.array_equal(store.read(0, 1), given[:1])


def test_memory_is_taken_once_and_not_shared():
    store = MemoryStore()
    store.begin(False, 10)
    samples = np.ones((4, 3))
    store.append(np.arange(1, 5), samples)
    samples[:] = 0
    store.append(np.arange(5, 11), np.full((6, 3), 2.0))
    whole = store.read(0, 10)
    assert whole.base is not None and whole[:, 0].tolist() == [1.0] * 4 + [2.0] * 6
    assert np.shares_memory(whole, store.read(3, 7)) and store.nbytes == 10 * (3 * 8 + 8)
    store.begin(True, 5)
    store.append(np.array([11]), np.full((1, 3), 3.0))  # a run that ended early
    assert store.read(0, 11)[-1, 0] == 3.0 and len(whole) == 10
    store.begin(False, 2)
    assert store.shape is None and whole[0, 0] == 1.0


def test_bytes_then_values():
    store = MemoryStore()
    store.append(np.array([1]), np.ones((1, 2), np.uint8))
    store.append(np.array([2]), np.full((1, 2), 0.5, np.float32))
    assert store.read(0, 2).dtype == np.float32 and store.read(0, 2).tolist() == [[1.0, 1.0], [0.5, 0.5]]


def test_what_was_not_written_does_not_count(tmp_path):
    """A writer that is killed may have made room for samples without filling it."""
    store = disk(tmp_path, (3,), "float32")
    store.append(np.arange(1, 6), np.ones((5, 3), np.float32))
    with store.file.reading("m") as group:
        group["steps"].resize(9, axis=0)
        assert len(store.steps()) == 5  # no values for them
        group["values"].resize(9, axis=0)
        assert len(store.steps()) == 5  # no numbers of steps
