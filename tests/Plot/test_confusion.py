import numpy as np
import pytest
import torch

from spaic.errors import InputError
from spaic.Plot import confusion_counts, confusion_matrix


def texts(ax):
    return sorted(text.get_text() for text in ax.texts)


def test_every_count_but_zero_is_written():
    ax = confusion_matrix([[8, 2], [0, 5]], labels=["a", "b"])
    assert texts(ax) == ["2", "5", "8"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.8, 0.2], [0.0, 1.0]])


def test_rates_are_written_under_the_counts():
    assert texts(confusion_matrix([[8, 2], [0, 5]], rates=True)) == ["2\n20.0 %", "5\n100.0 %", "8\n80.0 %"]


def test_a_matrix_of_shares_has_two_digits():
    assert texts(confusion_matrix([[0.75, 0.25], [1 / 3, 2 / 3]])) == ["0.25", "0.33", "0.67", "0.75"]


def test_a_class_without_samples_is_a_pale_row():
    np.testing.assert_array_equal(confusion_matrix([[0, 0], [1, 3]]).images[0].get_array(), [[0.0, 0.0], [0.25, 0.75]])


def test_numbers_stand_out_from_their_cell():
    colours = {text.get_text(): text.get_color() for text in confusion_matrix([[99, 1], [1, 99]]).texts}
    assert colours == {"99": "white", "1": "black"}


def test_many_classes_have_a_bar_in_place_of_numbers():
    ax = confusion_matrix(np.eye(60))
    assert not ax.texts
    assert ax.images[0].colorbar.ax.get_ylabel() == "share of the true class"
    assert len(ax.get_xticks()) <= 25


@pytest.mark.parametrize(("names", "turned"), [(["a", "b"], 0), (["a rather long name of a class", "another one"], 90)])
def test_long_names_stand_upright_and_do_not_touch(names, turned):
    ax = confusion_matrix(np.eye(2), labels=names)
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert ax.get_xticklabels()[0].get_rotation() == turned
    assert boxes[0].x1 < boxes[1].x0


@pytest.mark.parametrize("classes", [1, 2, 10, 25])
def test_numbers_fit_into_their_cells(classes):
    ax = confusion_matrix(np.full((classes, classes), 1234), rates=True)
    ax.figure.canvas.draw()
    cell = ax.get_window_extent().width / classes
    assert max(text.get_window_extent().width for text in ax.texts) <= cell
    assert max(text.get_window_extent().height for text in ax.texts) <= cell


def test_counts_of_tensors_are_those_of_arrays():
    np.testing.assert_array_equal(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), 2), [[1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [0], r"\[2\] labels and \[1\] answers"),
        ([0, 2], [0, 1], "truth runs from 0 to 2"),
        ([0, 1], [-1, 1], "predicted runs from -1 to 1"),
        ([0, 1], [0.5, 1], "predicted holds 0.5; give the numbers of classes"),
        ([0, np.nan], [0, 1], "truth holds nan"),
    ],
)
def test_labels_that_do_not_fit_are_named(truth, predicted, message):
    with pytest.raises(InputError, match=message):
        confusion_counts(truth, predicted, 2)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        (np.zeros((2, 3)), {}, r"got the shape \[2, 3\]"),
        (np.zeros((0, 0)), {}, r"got the shape \[0, 0\]"),
        ([[1, -1], [0, 1]], {}, "it holds -1.0"),
        ([[1, np.nan], [0, 1]], {}, "it holds nan"),
        (np.eye(2), {"labels": ["a"]}, "1 labels for 2 classes"),
    ],
)
def test_what_is_no_confusion_matrix_is_named(counts, options, message):
    with pytest.raises(InputError, match=f"confusion_matrix: .*{message}"):
        confusion_matrix(counts, **options)
