"""What all pictures keep to, whichever it is."""

import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

import spaic
from spaic import Plot
from spaic.errors import InputError
from spaic.Plot.canvas import as_array, whole

RANDOM = np.random.default_rng(0)

#: Every function that returns axes, with an input that it takes as an array and as a tensor.
PICTURES = {
    Plot.raster: RANDOM.random((30, 5)) < 0.2,
    Plot.traces: RANDOM.normal(size=(30, 5)),
    Plot.weight_map: RANDOM.normal(size=(5, 9)),
    Plot.receptive_fields: RANDOM.normal(size=(5, 9)),
    Plot.kernels: RANDOM.normal(size=(4, 2, 3, 3)),
    Plot.weight_histogram: RANDOM.normal(size=(5, 9)),
    Plot.weight_course: RANDOM.normal(size=(5, 9, 30)),
    Plot.learning_curve: RANDOM.random(4),
    Plot.confusion_matrix: RANDOM.integers(0, 9, (3, 3)),
}
EVERY = pytest.mark.parametrize("draw", PICTURES, ids=lambda draw: draw.__name__)


@EVERY
@pytest.mark.parametrize("kind", ["array", "tensor", "bfloat16", "list"])
def test_arrays_tensors_and_lists_are_drawn_alike(draw, kind, tmp_path):
    given = PICTURES[draw]
    if kind == "list":
        given = given.tolist()
    elif kind != "array":
        given = torch.tensor(given)
        given = given.bfloat16().requires_grad_() if kind == "bfloat16" else given
    ax = draw(given, title="a title")
    assert isinstance(ax, Axes)
    assert ax.get_title(loc="left") == "a title"
    ax.figure.savefig(tmp_path / "picture.png")


@EVERY
def test_axes_that_are_given_are_drawn_on(draw):
    figure = plt.figure()
    ax = figure.add_subplot()
    assert draw(PICTURES[draw], ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


@EVERY
def test_a_new_figure_is_known_to_pyplot_and_ends_with_close(draw):
    ax = draw(PICTURES[draw])
    assert plt.get_fignums() == [ax.figure.number]
    plt.close(ax.figure)
    assert not plt.get_fignums()


@EVERY
def test_something_that_is_no_axes_is_named(draw):
    with pytest.raises(InputError, match="is not a matplotlib Axes"):
        draw(PICTURES[draw], ax=3)


@EVERY
@pytest.mark.parametrize(("wrong", "message"), [(np.array(["a", "b"]), "real numbers"), ([[1.0, 2.0], [3.0]], "different lengths")])
def test_what_is_no_array_of_numbers_is_named(draw, wrong, message):
    with pytest.raises(InputError, match=f"{draw.__name__}.*{message}"):
        draw(wrong)


def test_it_works_where_windows_are_asked_for_and_there_is_no_screen(tmp_path):
    code = (
        "from spaic import Plot; import numpy as np\n"
        f"Plot.raster(np.eye(3)).figure.savefig({str(tmp_path / 'picture.png')!r})\n"
        f"Plot.weight_map(np.eye(3)).figure.savefig({str(tmp_path / 'weights.pdf')!r})\n"
    )
    environment = {"MPLBACKEND": "tkagg", "PATH": "", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=Path(spaic.__file__).parents[1], check=True)
    assert (tmp_path / "picture.png").stat().st_size > 5_000


def test_sparse_tensors_and_booleans_are_arrays():
    assert as_array(torch.eye(2).to_sparse(), "here").tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert as_array([True, False], "here").dtype == bool


def test_complex_numbers_are_refused():
    with pytest.raises(InputError, match="here: got ndarray of complex128"):
        as_array(np.array([1j]), "here")


@pytest.mark.parametrize("number", [3, -4, 1.0, True, "1", None])
def test_what_is_no_index_is_named(number):
    with pytest.raises(InputError, match="here: sample .* of a batch of 3; give one from 0 to 2"):
        whole(number, 3, "here", "sample", "a batch of ")


def test_an_index_from_the_end_counts():
    assert whole(-1, 3, "here", "sample") == 2
