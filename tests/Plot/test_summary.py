import numpy as np

from spaic.Plot import training_summary


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
