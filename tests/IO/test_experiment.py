"""``spaic train``, ``inspect`` and ``diff`` on the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import spaic
from spaic.cli import main
from spaic.IO import experiment

CONFIG = """
network: net.json
backend: {dt: 1.0}
threads: 1
data: {dataset: Digits, batch_size: 200, seed: 3}
optimizer: {name: Adam, lr: 0.02, clip_norm: 5.0}
training: {epochs: %d, run_time: 8.0, early_stop: {monitor: loss, patience: 3}}
checkpoint: {file: run.spaic, every: 2, keep: 2}
"""


@pytest.fixture
def config(tmp_path) -> Path:
    net = spaic.Network()
    net.input = spaic.Encoder(64, coding_method="poisson")
    net.hidden = spaic.NeuronGroup(20, model="clif")
    net.out = spaic.NeuronGroup(10, model="clif")
    net.link1 = spaic.Connection(net.input, net.hidden)
    net.link2 = spaic.Connection(net.hidden, net.out)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.STCA(net, alpha=0.5)
    net.save(tmp_path / "net.json")
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG % 2)
    return file


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return spaic.load(folder / "run.spaic").state_dict()


def test_training_and_more_epochs(config, tmp_path, capsys):
    assert main(["train", str(config), "--quiet"]) == 0
    assert "2 epochs: loss" in capsys.readouterr().out
    assert main(["train", str(config), "--quiet"]) == 1
    assert "there is a checkpoint already; go on from it with --resume" in capsys.readouterr().err
    config.write_text(CONFIG % 3)
    assert main(["train", str(config), "--quiet", "--resume"]) == 0
    assert "3 epochs" in capsys.readouterr().out
    resumed = weights(tmp_path)
    for file in tmp_path.glob("*.spaic"):
        file.unlink()
    assert main(["train", str(config), "--quiet"]) == 0
    assert all(torch.equal(resumed[k], v) for k, v in weights(tmp_path).items())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_saves_and_resume_ends_where_it_would_have(config, tmp_path):
    config.write_text(CONFIG % 30)
    process = subprocess.Popen(
        [sys.executable, "-m", "spaic", "train", str(config)], stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    while not (tmp_path / "run.spaic").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "--resume" in process.stderr.read()
    done = len(spaic.load(tmp_path / "run.spaic")._progress.history.batch_loss)
    assert 0 < done < 30 * 8
    config.write_text(CONFIG % (done // 8 + 2))
    net, history = experiment.train(config, resume=True, progress=False)
    (tmp_path / "run.spaic").unlink()
    other, whole = experiment.train(config, progress=False)
    assert history.batch_loss == whole.batch_loss
    assert all(torch.equal(net.state_dict()[k], v) for k, v in other.state_dict().items())


def test_a_network_of_the_library_takes_its_size_from_the_data(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(
        "network: {name: ExampleNet, seed: 2}\nbackend: {dt: 1.0}\ndata: {dataset: Digits, batch_size: 400}\ntraining: {run_time: 3.0}\n"
    )
    net, history = experiment.train(file, progress=False)
    assert net.input.num == 64 and len(history.loss) == 1


@pytest.mark.parametrize(
    "text, said",
    [
        ("networks: net.json", "unknown key 'networks'; did you mean 'network'"),
        ("network: 3\ndata: {dataset: Digits}", "network is 3"),
        ("network: ExampleNets\ndata: {dataset: Digits}", "did you mean 'ExampleNet'"),
        ("network: {name: ExampleNet, sed: 1}\ndata: {dataset: Digits}", "did you mean 'seed'"),
        ("network: missing.json\ndata: {dataset: Digits}", "missing.json"),
        ("network: net.json\ndata: {dataset: Digit}", "did you mean 'Digits'"),
        ("network: net.json\ndata: {dataset: Digits, batch_size: 0}", "data.batch_size is 0"),
        ("network: net.json\ndata: {dataset: Digits, shufle: true}", "did you mean 'data.shuffle'"),
        ("network: net.json\ndata: {dataset: Digits}\ntraining: {epoch: 1}", "did you mean 'training.epochs'"),
        ("network: net.json\ndata: [1]", r"data is \[1\]"),
        ("network: net.json\ndata: {dataset: Digits, shuffle: no}", "data.shuffle is 'no'; give true or false"),
        ("network: net.json\ndata: {dataset: Digits}\ntraining: {early_stop: {patiens: 1}}", "did you mean 'training.early_stop.patience'"),
        ("network: net.json\ndata: {dataset: Digits}\nbackend: {dtt: 1}", "did you mean 'backend.dt"),
        ("network: net.json\ndata: {dataset: Digits}\noptimizer: {lr: 1}", "optimizer.name is missing"),
        ("network: net.json\ncheckpoint: {every: 3}", "checkpoint.file is missing"),
        ("network: net.json\noptimizer: {name: Adan}\ndata: {dataset: Digits}", "did you mean"),
        ("network: &a [*a]", "alias|anchor"),
        ("threads: 1000000\nnetwork: net.json\ndata: {dataset: Digits}", "threads is 1000000; give at most"),
        ("network: net.json\ndata: {dataset: Digits, root: 3}", "data.root is 3"),
        ("network: net.json\ndata: {dataset: Digits, options: 3}", "data.options is 3"),
        ("network: net.json\ncheckpoint: {file: 3}", "checkpoint.file is 3"),
        ("network: net.json\ncheckpoint: {file: .}", "checkpoint.file is '.'"),
        ("network: net.json\ncheckpoint: run.json", "checkpoint: .*run.json would hold"),
        ("network: net.json\ndata: {dataset: Digits}\nbackend: {dt: -1}", "bad.yaml: backend: .*dt"),
        ("network: net.json\ndata: {dataset: Digits}\noptimizer: {name: Adam, lr: x}", "bad.yaml: optimizer: .*lr"),
        ("network: net.json\ndata: {dataset: Digits}\ntraining: {run_time: x}", "bad.yaml: training.run_time"),
        ("network: net.json\ndata: {dataset: Digits}\ntraining: {early_stop: {patience: 0}}", "bad.yaml: training.early_stop: .*patience"),
        ("a: [", "line"),
    ],
)
def test_mistakes_in_the_file(text, said, config, tmp_path, capsys):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(spaic.SpaicError, match=said):
        experiment.train(file, progress=False)
    assert main(["train", str(file)]) == 1
    assert capsys.readouterr().err.startswith("spaic: ")


def test_resuming_without_a_checkpoint(config, tmp_path):
    with pytest.raises(spaic.StateError, match="there is no checkpoint to resume from"):
        experiment.train(config, resume=True)
    config.write_text("network: net.json\ndata: {dataset: Digits}")
    with pytest.raises(spaic.StateError, match="there is no checkpoint to resume from; add 'checkpoint"):
        experiment.train(config, resume=True)


def test_inspect_and_diff(config, tmp_path, capsys):
    net = spaic.load(tmp_path / "net.json")
    net.build()
    one, two = net.save(tmp_path / "one"), net.save(tmp_path / "two")
    assert main(["inspect", str(one)]) == 0 and "link1.weight" in capsys.readouterr().out
    assert main(["diff", str(one), str(two)]) == 0 and capsys.readouterr().out == "no difference\n"
    net.hidden.hide()
    net.save(tmp_path / "two")
    assert main(["diff", str(one), str(two)]) == 1 and "elements.hidden.hidden" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "nothing.spaic")]) == 1 and "nothing.spaic" in capsys.readouterr().err
