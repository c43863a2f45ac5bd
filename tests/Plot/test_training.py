import numpy as np
import pytest

from spaic.errors import DeclarationError, InputError
from spaic.Plot import confusion_counts, confusion_matrix, learning_curve


def test_loss_and_accuracy_have_scales_of_their_own():
    left = learning_curve({"loss": [2.0, 1.0], "accuracy": [0.5, 0.75], "test_accuracy": [0.4, 0.6]})
    right = next(ax for ax in left.figure.axes if ax is not left)
    assert [line.get_ydata().tolist() for line in left.lines] == [[2.0, 1.0]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[50.0, 75.0], [40.0, 60.0]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["loss", "accuracy", "test accuracy"]


def test_an_unknown_curve_suggests_the_nearest():
    with pytest.raises(DeclarationError, match="unknown curve 'acuracy'; did you mean 'accuracy'"):
        learning_curve({"acuracy": [1.0]})


def test_every_count_but_zero_is_written():
    ax = confusion_matrix([[8, 2], [0, 5]], labels=["a", "b"])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "5", "8"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.8, 0.2], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [0], r"\[2\] labels and \[1\] answers"),
        ([0, 2], [0, 1], "truth runs from 0 to 2"),
        ([0, 1], [-1, 1], "predicted runs from -1 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_named(truth, predicted, message):
    with pytest.raises(InputError, match=message):
        confusion_counts(truth, predicted, 2)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(InputError, match=r"\[2, 3\]"):
        confusion_matrix(np.zeros((2, 3)))
