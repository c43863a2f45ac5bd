"""Every example runs from the command line and shows what its docstring says; with fewer epochs, so that all take a minute."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spaic.IO.inspection import diff

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

#: tests/test_cli.py runs it; it has no docstring, because `spaic quickstart` prints it and it has to stay under 20 lines.
QUICKSTART = "quickstart"

NAMES = sorted(file.stem for file in EXAMPLES.glob("*.py"))


def call(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Python with `arguments`, in `folder`, on one thread."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", **variables}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def run(folder: Path, name: str, options: str, **variables: str) -> subprocess.CompletedProcess:
    """An example that succeeds."""
    done = call(folder, str(EXAMPLES / f"{name}.py"), *options.split(), **variables)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def accuracy(text: str, of: str) -> float:
    """In percent, in the line that begins with `of`."""
    return float(re.search(rf"^{re.escape(of)}.*test accuracy (\d+\.\d+)%", text, re.MULTILINE)[1])


# --- all of them


@pytest.mark.parametrize("name", [name for name in NAMES if name != QUICKSTART])
def test_an_example_has_a_test_and_says_what_to_expect(name):
    assert f"test_{name}" in globals()
    text = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8")))
    assert f"Run: python examples/{name}.py [" in text
    assert re.search(r"^Expect|\. Expect", text, re.MULTILINE) and re.search(r"\d %", text)


def test_the_examples_of_the_package_are_those_of_the_repository():
    inside = {file.name: file.read_bytes() for file in (ROOT / "spaic" / "examples").glob("*.py")}
    assert inside == {file.name: file.read_bytes() for file in EXAMPLES.glob("*.py")}


# --- one by one


def test_conv(tmp_path):
    text = run(tmp_path, "conv", "--epochs 2 --figure kernels.png").stdout
    assert accuracy(text, "at the end: ") > 85
    assert "conv.weight (16, 1, 3, 3), full.weight (10, 256)" in text
    assert (tmp_path / "kernels.png").stat().st_size > 10_000


def test_assembly(tmp_path):
    text = run(tmp_path, "assembly", "--epochs 2 --figure network.png").stdout
    trained = accuracy(text, "trained ")
    assert trained > 80
    copied, hidden, deleted = (re.search(rf"^third column {what}.*", text, re.MULTILINE)[0] for what in ("copied", "hidden", "deleted"))
    assert copied.endswith("13 weight matrices, 9 as before")
    assert "its own weights are those of the first column: True\n" in text
    for line in (hidden, deleted):
        assert line.endswith(f"test accuracy {trained}%, 9 weight matrices, 9 as before")
    gone = re.search(r"^deleted: (.*)", text, re.MULTILINE)[1].split()
    assert gone[0] == "cortex.third" and "out.third_exc_to_digit" in gone and len(gone) == 7
    assert re.search(r"^first column with lif.* 9 weight matrices, 9 as before$", text, re.MULTILINE)
    assert accuracy(text, "trained for one more epoch") > 80
    assert "selected: second.see second.feel second.hold second_exc_to_digit\n" in text
    assert 30 < accuracy(text, "a network of the second column alone") < trained
    assert (tmp_path / "network.png").stat().st_size > 10_000


def test_mnist(tmp_path, shared_data):
    text = run(tmp_path, "mnist", "--epochs 1 --batches 30", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "epoch 1: ") > 60


def test_mnist_says_how_to_get_the_files(tmp_path):
    done = call(tmp_path, str(EXAMPLES / "mnist.py"), SPAIC_DATA=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    for needed in (str(tmp_path / "mnist"), "train-images-idx3-ubyte", "--download"):
        assert needed in done.stderr
    assert "Traceback" not in done.stderr


def test_dfa_mnist(tmp_path, shared_data):
    text = run(tmp_path, "dfa_mnist", "--epochs 1 --batches 40", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "epoch 1: ") > 50  # after 5 epochs on all of them 97.8


def test_diehl_cook(tmp_path, shared_data):
    options = "--neurons 30 --images 400 --seed 1 --tested 100"
    run(tmp_path, "diehl_cook", f"{options} --save cook --stop 100", SPAIC_DATA=str(shared_data))
    assert [file.name for file in tmp_path.iterdir()] == ["cook-100.spaic"]
    done = run(tmp_path, "diehl_cook", f"{options} --save cook --figure fields.png", SPAIC_DATA=str(shared_data))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cook-400.spaic", "fields.png", "fields_confusion.png"]
    assert re.search(r"learning: +25%\|.*\| 100/400", done.stderr)  # it goes on where it stopped
    straight = run(tmp_path, "diehl_cook", options, SPAIC_DATA=str(shared_data))
    assert straight.stdout == done.stdout
    assert accuracy(done.stdout, "30 neurons, 400 images, by label: ") > 25


def test_yin_yang(tmp_path, shared_data):
    text = run(tmp_path, "yin_yang", "--epochs 3 --samples 1500 --hidden 60 --figure spikes.png", SPAIC_DATA=str(shared_data)).stdout
    exact, grid = accuracy(text, "exact events: "), accuracy(text, "on a grid")
    assert exact > 50 and abs(exact - grid) < 5
    assert re.search(r"^event \* +\d{3,}", text, re.MULTILINE) and "\nverdict: " in text
    assert (tmp_path / "spikes.png").stat().st_size > 10_000


def test_event_mnist(tmp_path, shared_data):
    text = run(tmp_path, "event_mnist", "--epochs 2 --images 2500 --tested 400", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "epoch 2: ") > 60  # after 8 epochs on all of them above 97


def test_event_rstdp_mnist(tmp_path, shared_data):
    text = run(tmp_path, "event_rstdp_mnist", "--images 2000 --tested 400", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "exact events: ") > 60  # after one pass over all images 89 to 90


def test_nmnist_conv(tmp_path, shared_data):
    text = run(tmp_path, "nmnist_conv", "--epochs 2 --samples 300", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "at the end: ") > 25  # 45 at seed 0; after 10 epochs on all of them about 95


def test_nmnist_conv_says_where_it_looked(tmp_path):
    done = call(tmp_path, str(EXAMPLES / "nmnist_conv.py"), SPAIC_DATA=str(tmp_path))
    assert done.returncode == 1 and str(tmp_path / "nmnist-small") in done.stderr and "Traceback" not in done.stderr


def test_fashion_mnist_conv(tmp_path, shared_data):
    text = run(tmp_path, "fashion_mnist_conv", "--epochs 1 --batches 12 --steps 3", SPAIC_DATA=str(shared_data)).stdout
    assert accuracy(text, "at the end: ") > 45  # after 5 epochs on all of them above 91


def test_save_load(tmp_path):
    text = run(tmp_path, "save_load", "--epochs 2 --folder files").stdout
    assert "\npower cut\n" in text and "\nstraight and resumed: no difference\n" in text
    files = {file.stem: file for file in (tmp_path / "files").iterdir()}
    assert sorted(files) == ["halfway", "run", "straight", "weights"]
    assert diff(files["straight"], files["run"]) == ""
    assert "~ progress.epoch: 1 -> 2" in diff(files["halfway"], files["run"])
    assert accuracy(text, "a new network with another seed") < 25
    assert accuracy(text, "with the weights (everything fits)") > 70


def test_custom_encoder(tmp_path):
    text = run(tmp_path, "custom_encoder", "--epochs 2").stdout
    assert accuracy(text, "regular") > max(88, accuracy(text, "poisson") + 3)
    poisson, regular = (float(count) for count in re.findall(r"with (\d\.\d+) spikes per pixel", text))
    assert abs(poisson - regular) < 0.05


def test_custom_neuron(tmp_path):
    text = run(tmp_path, "custom_neuron", "--epochs 3").stdout
    fixed, trained = accuracy(text, "tau_d from 5.0 to 5.0 ms"), accuracy(text.partition("\n")[2], "tau_d from")
    assert trained > max(80, fixed)
    low, high = (float(tau) for tau in re.findall(r"tau_d from (\S+) to (\S+) ms", text)[1])
    assert low < 4 and high > 7
    for integrator in ("rk4", "exponential_midpoint", "exponential_euler", "euler"):
        assert abs(accuracy(text, f"the same network by {integrator}:") - trained) < 5


def test_custom_connection(tmp_path):
    text = run(tmp_path, "custom_connection", "--epochs 2").stdout
    rows = re.findall(r"^(\w+) +(\d+) synapses of mean length (\d\.\d+): test accuracy (\d+\.\d)%$", text, re.MULTILINE)
    synapses, length, right = ({name: float(row[i]) for name, *row in rows} for i in range(3))
    assert list(synapses) == ["nearby", "anywhere", "all"]
    assert synapses["all"] == 6400 and synapses["nearby"] < 640 and abs(synapses["nearby"] - synapses["anywhere"]) < 100
    assert length["nearby"] < 0.2 and length["anywhere"] > 0.4
    assert min(right.values()) > 80


def test_custom_algorithm(tmp_path):
    done = run(tmp_path, "custom_algorithm", "--epochs 3")
    assert accuracy(done.stdout, "window, gradient descent") < 15
    assert "all gradients of the first batch are exactly zero" in done.stderr
    assert accuracy(done.stdout, "leaky window, gradient descent") < 50
    assert accuracy(done.stdout, "leaky window, sign descent") > 65


def test_pysnn_cyclic(tmp_path):
    text = run(tmp_path, "pysnn_cyclic", "--steps 800 --asked 300 --figure weights.png").stdout
    fired, others = map(float, re.search(r"^weights from inputs that fired (\S+), from the others (\S+)$", text, re.MULTILINE).groups())
    assert fired > 0.7 and others < 0.2
    before, after = re.findall(r"^(?:before|after): (\d+) spikes for the first three inputs, (\d+) for the others", text, re.MULTILINE)
    assert int(before[1]) > 0 and int(after[0]) > 3 and int(after[1]) == 0
    assert (tmp_path / "weights.png").stat().st_size > 5_000


# --- what is added by name has all the rest at once

_OWN = """
import sys
import numpy as np, spaic
from spaic.clock import Clock
from spaic.seeds import Key
sys.path.insert(0, sys.argv[1])
import custom_algorithm, custom_connection, custom_encoder, custom_neuron

learner = dict(algorithm="sign_descent", surrogate="leaky_window", leak=0.2)
networks = {
    "encoder": lambda: custom_encoder.Net(3, coding_method="regular", rate=0.5),
    "neuron": lambda: custom_neuron.Net(["tau_d"], 3),
    "connection": lambda: custom_connection.Net(3, link_type="nearby", reach=0.15),
    "algorithm": lambda: custom_algorithm.Net(spaic.Learner(**learner), spaic.SGD(0.1), 3, weight=0.2),
}
data, _ = next(iter(spaic.Dataloader(spaic.Digits(), batch_size=8)))

def counts(net):
    net.pixels(data)
    net.run(20.0)
    assert net.output.predict.sum() > 0
    return np.array(net.output.predict.tolist())

for name, make in networks.items():
    net, other = make(), make()
    net.set_backend("torch", dt=0.5, dtype="float64")
    other.set_backend("reference", dt=0.5, dtype="float64")
    print(name, "backends", (counts(net) == counts(other)).all())
    again = spaic.load(net.save(name))
    print(name, "file", (counts(net) == counts(again)).all())

stream = custom_encoder.Regular(rate=0.5).stream(data, Clock(0.5), 40, Key(0, "pixels", "input"), "cpu", "float32")
whole = stream.chunk(0, 40)
print("stream pure", all((whole[a:b] == stream.chunk(a, b)).all() for a, b in ((0, 40), (0, 1), (7, 33), (39, 40))))
print("stream counts", np.abs(whole.sum(0) - data * 0.5 * 20.0).max() < 1, not stream.chunk(40, 50).any())
"""


def test_what_is_registered_runs_on_every_backend_and_fits_into_a_file(tmp_path):
    done = call(tmp_path, "-c", _OWN, str(EXAMPLES))
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 10 and all(set(re.findall("True|False", line)) == {"True"} for line in lines), done.stdout


def cartpole(text):
    """Mean return of the evaluation."""
    return float(re.search(r"^evaluation: mean return (\S+) over 5 other episodes", text, re.MULTILINE)[1])


def test_cartpole_policy_gradient(tmp_path):
    options = "--test 5 --figure returns.png --checkpoint run.spaic"
    text = run(tmp_path, "cartpole_policy_gradient", f"--episodes 60 {options}").stdout
    assert cartpole(text) > 45  # 76 at seed 0, about 20 untrained; after some 250 episodes 500
    assert (tmp_path / "returns.png").stat().st_size > 10_000 and (tmp_path / "run.spaic").stat().st_size > 5_000


def test_cartpole_rstdp(tmp_path):
    text = run(tmp_path, "cartpole_rstdp", "--episodes 15 --test 5 --figure returns.png").stdout
    assert cartpole(text) > 45  # 135 at seed 0, about 20 untrained; after some 200 episodes more than 450
    assert (tmp_path / "returns.png").stat().st_size > 10_000
