import numpy as np
import pytest

from spaic.errors import DeclarationError, InputError
from spaic.Learning.history import History
from spaic.Plot import learning_curve


def scales(ax):
    """Scale -> the values of its curves."""
    return {side.get_ylabel(): [line.get_ydata().tolist() for line in side.lines] for side in ax.figure.axes}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_loss_and_accuracy_have_scales_of_their_own():
    left = learning_curve({"loss": [2.0, 1.0], "accuracy": [0.5, 0.75], "test_accuracy": [0.4, 0.6]})
    right = next(ax for ax in left.figure.axes if ax is not left)
    assert [line.get_ydata().tolist() for line in left.lines] == [[2.0, 1.0]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[50.0, 75.0], [40.0, 60.0]]
    assert legend(left) == ["loss", "accuracy", "test accuracy"]


def test_a_learning_rate_has_a_third_scale_in_powers_of_ten_where_it_falls_far():
    ax = learning_curve({"loss": [2.0, 1.0], "accuracy": [0.5, 0.75], "lr": [0.1, 0.001]})
    assert scales(ax) == {"loss": [[2.0, 1.0]], "accuracy (%)": [[50.0, 75.0]], "learning rate": [[0.1, 0.001]]}
    assert ax.figure.axes[2].get_yscale() == "log"
    assert learning_curve({"loss": [2.0, 1.0], "lr": [0.1, 0.05]}).figure.axes[1].get_yscale() == "linear"


def test_one_kind_of_curve_has_one_scale_at_the_left():
    ax = learning_curve({"accuracy": [0.5]})
    assert scales(ax) == {"accuracy (%)": [[50.0]]}
    assert not ax.spines["right"].get_visible()


def test_a_history_is_drawn_with_the_curves_it_has():
    ax = learning_curve(History(loss=[2.0, 1.0], accuracy=[0.5, 0.75]))
    assert scales(ax) == {"loss": [[2.0, 1.0]], "accuracy (%)": [[50.0, 75.0]]}


def test_the_rates_of_a_history_are_drawn_if_they_change():
    changing = History(loss=[2.0, 1.0], lr=[{"a": 0.1, "b": 0.3}, {"a": 0.05, "b": 0.3}])
    assert legend(learning_curve(changing)) == ["loss", "lr of a", "lr of b"]
    assert legend(learning_curve(History(loss=[2.0, 1.0], lr=[{"a": 0.1}, {"a": 0.05}]))) == ["loss", "lr"]
    assert legend(learning_curve(History(loss=[2.0, 1.0], lr=[{"a": 0.1}, {"a": 0.1}]))) == ["loss"]


def test_an_array_is_a_loss():
    assert scales(learning_curve(np.array([3.0, 2.0]), xlabel="batch")) == {"loss": [[3.0, 2.0]]}


def test_values_that_are_not_finite_are_gaps():
    (line,) = learning_curve({"loss": [2.0, np.nan, np.inf, 1.0]}).lines
    assert np.isnan(line.get_ydata()).tolist() == [False, True, True, False]


@pytest.mark.parametrize("history", [{}, {"loss": []}, History(), {"loss": [np.nan]}])
def test_no_epochs_are_said_to_be_none(history):
    assert [text.get_text() for text in learning_curve(history).texts] == ["no epochs"]


def test_losses_start_at_zero_unless_they_are_negative():
    assert learning_curve([2.0, 1.0]).get_ylim()[0] == 0.0
    assert learning_curve([2.0, -1.0]).get_ylim()[0] < -1.0


def test_epochs_are_whole_numbers():
    ax = learning_curve([2.0, 1.0])
    ax.figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_an_unknown_curve_suggests_the_nearest():
    with pytest.raises(DeclarationError, match="unknown curve 'acuracy'; did you mean 'accuracy'"):
        learning_curve({"acuracy": [1.0]})


@pytest.mark.parametrize("history", [{"loss": [[1.0, 2.0]]}, {"loss": 1.0}, np.ones((2, 3)), 5.0])
def test_a_curve_that_is_none_is_named(history):
    with pytest.raises(InputError, match="learning_curve: loss has the shape .*give one value per epoch"):
        learning_curve(history)


def test_a_curve_of_words_is_named():
    with pytest.raises(InputError, match="learning_curve: accuracy: got list of <U4"):
        learning_curve({"accuracy": ["high"]})
