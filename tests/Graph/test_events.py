"""Lists of spikes and the arrays of zeros and ones that they stand for."""

import numpy as np
import pytest

from spaic.Graph.events import Events


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3, 5)])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("steps", [0, 1, 9])
def test_the_array_is_where_the_spikes_came_from(shape, batch, steps):
    given = np.random.default_rng(0).random((steps, batch, *shape)) < 0.3
    flat = given.reshape(steps, batch, int(np.prod(shape)))
    counts = flat.sum(2)
    pointers = [np.concatenate([[0], np.cumsum(counts[:, k])]) for k in range(batch)]
    events = Events([(pointers[k], np.nonzero(flat[:, k])[1].astype(np.int32)) for k in range(batch)], shape)
    for dtype in (np.float32, np.uint8):
        dense = events.dense(dtype)
        assert dense.dtype == dtype and dense.shape == given.shape and np.array_equal(dense, given)
        assert not np.shares_memory(dense, events.dense(dtype)) or not dense.size
    assert np.array_equal(events.between(steps // 2, steps).dense(np.float32), given[steps // 2 :])
