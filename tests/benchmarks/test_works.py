import json

import numpy as np
import pytest
from peers import arrays
from peers.works import WORKS, Work


def test_a_work_survives_json(work):
    assert Work.of(json.loads(json.dumps(work.as_plain()))) == work


@pytest.mark.parametrize("name", WORKS)
def test_every_work_survives_json(name):
    assert Work.of(json.loads(json.dumps(WORKS[name].as_plain()))) == WORKS[name]


def test_arrays_have_the_shapes_of_the_work(work, made):
    assert made["x"].shape == (2, work.steps, work.batch, *work.shape)
    assert made["y"].shape == (2, work.batch) and made["y"].max() < work.classes
    shapes = [made[name].shape for name in work.weights]
    assert shapes == [shape for layer in work.layers for shape in layer.weight_shapes]


def test_sums_are_exact_in_float32_in_any_order(work, made):
    """What makes equal dynamics give equal spikes: no order of summation rounds."""
    x = made["x"][0].reshape(-1, made["x"][0].size // (work.steps * work.batch)).astype(np.float32)[:, : made["w0"][0].size]
    weight = made["w0"].reshape(len(made["w0"]), -1)
    exact = x.astype(np.float64) @ weight.T.astype(np.float64)
    backwards = np.zeros_like(exact, dtype=np.float32)
    for k in reversed(range(x.shape[1])):
        backwards += np.outer(x[:, k], weight[:, k])
    assert np.array_equal(backwards, exact)


def test_input_is_as_active_as_the_work_says(tiny):
    spikes = arrays.make(WORKS["recurrent"])["x"]
    assert spikes.dtype == np.uint8 and set(np.unique(spikes)) == {0, 1}
    assert abs(spikes.mean() - 0.05) < 0.001
    assert arrays.make(tiny["analogue"])["x"].dtype == np.float32


def test_images_of_the_readme_are_as_dense_as_mnist():
    x = arrays.make(WORKS["readme"])["x"]
    assert x.shape == (2, 100, 784) and x.min() >= 0.0 and x.max() <= 1.0
    assert abs((x > 0).mean() - 0.19) < 0.01


def test_arrays_come_back_from_files(work, made, tmp_path):
    arrays.save(made, tmp_path)
    again = arrays.load(work, tmp_path)
    assert all(np.array_equal(again[name], made[name]) for name in again) and set(again) == set(made)
