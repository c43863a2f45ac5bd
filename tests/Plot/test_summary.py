import numpy as np
import pytest

from spaic.errors import InputError
from spaic.Learning.history import History
from spaic.Plot import training_report, training_summary


def test_the_summary_has_its_five_panels_and_can_be_saved(tmp_path):
    hidden = np.zeros((6, 4))
    hidden[2:, 3] = hidden[1, 0] = 1
    figure = training_summary(
        input_spikes=np.eye(6),
        hidden_spikes=hidden,
        membrane=np.random.default_rng(0).random((6, 4)),
        threshold=1.0,
        history={"loss": [1.0, 0.5], "accuracy": [0.5, 0.9]},
        confusion=np.diag([3, 4]),
        times=np.arange(1.0, 7.0),
    )
    titles = {ax.get_title(loc="left") for ax in figure.axes}
    assert titles >= {"input spikes", "hidden spikes", "membrane potential", "learning curve", "confusion matrix"}
    membrane = next(ax for ax in figure.axes if ax.get_title(loc="left") == "membrane potential")
    assert {"threshold"} <= {line.get_label() for line in membrane.lines}
    figure.savefig(tmp_path / "summary.png")
    assert (tmp_path / "summary.png").stat().st_size > 10_000


def test_the_report_takes_monitors_history_and_predictions(world):
    history = History(loss=[1.0, 0.5], accuracy=[0.5, 0.9])
    figure = training_report(world.spikes, world.spikes, world.membrane, history, np.array([0, 1, 1]), np.array([0, 1, 0]), sample=1)
    assert figure.get_suptitle() == "test accuracy 66.7%"
    membrane = next(ax for ax in figure.axes if ax.get_title(loc="left") == "membrane potential")
    assert membrane.get_ylabel() == "potential V (mV)"
    threshold = next(line for line in membrane.lines if line.get_label() == "threshold")
    assert threshold.get_ydata()[0] == 30.0


def test_a_partial_membrane_monitor_is_drawn_with_the_neurons_it_has(world):
    figure = training_report(world.spikes, world.spikes, world.some, History(loss=[1.0]), np.array([0]), np.array([0]))
    membrane = next(ax for ax in figure.axes if ax.get_title(loc="left") == "membrane potential")
    assert [text.get_text() for text in membrane.get_legend().get_texts()] == ["neuron 4", "neuron 5", "threshold"]


def test_a_report_without_predictions_is_refused(world):
    with pytest.raises(InputError, match="there are 0 answers and 1 labels"):
        training_report(world.spikes, world.spikes, world.membrane, History(), np.array([]), np.array([1]))
