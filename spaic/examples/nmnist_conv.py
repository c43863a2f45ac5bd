"""A spiking convolutional network on N-MNIST: what a moving event camera saw of handwritten digits, 300 ms each.

Events are put on a grid of 30 ms: 10 pictures of 34 x 34 pixels with two channels (brighter, darker), each pixel 0 or 1. Two
convolutions of leaky neurons see them one after the other; ten integrators without spikes, one per digit, gather the evidence, and their
mean voltage over the recording is the answer. In training every recording is shifted by up to two pixels, differently in each epoch.

The data are not part of spaic: Train/<label>/<number>.bin and Test/<label>/<number>.bin in the original format of five bytes per event
(Orchard et al. 2015, doi:10.3389/fnins.2015.00437), in $SPAIC_DATA/nmnist-small or the folder given with --data.

Expect about 95 % on the 100 recordings for testing after 10 epochs on the 1,000 for training, in about 30 s on one core (seeds 0 and
1: 93 and 97 %; one recording is 1 %).

Run: python examples/nmnist_conv.py [--epochs 10] [--data FOLDER] [--samples 1000] [--seed 0]
"""

import argparse
import os
from pathlib import Path

import numpy as np

import spaic

SIZE, DURATION, DT = 34, 300.0, 30.0
STEPS = int(DURATION / DT)


def recording(file):
    """The events of a file as ``[steps, 2, 34, 34]`` bytes, 1 where a pixel changed within a step."""
    raw = np.frombuffer(file.read_bytes(), dtype=np.uint8).reshape(-1, 5).astype(np.int64)
    x, y, polarity = raw[:, 0], raw[:, 1], raw[:, 2] >> 7
    time = ((raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]) / 1000.0  # ms
    step = np.minimum((time / DT).astype(np.int64), STEPS - 1)  # some recordings last a little longer
    frames = np.zeros((STEPS, 2, SIZE, SIZE), dtype=np.uint8)
    frames[step, polarity, y, x] = 1
    return frames


class NMNIST(spaic.Dataset):
    """Recordings in memory as bytes; those for training are shifted at random."""

    class_number = 10

    def __init__(self, folder, is_train, samples=None, shift=0, seed=0):
        files = sorted((folder / ("Train" if is_train else "Test")).glob("*/*.bin"), key=lambda file: (file.stem, file.parent.name))
        if not files:
            raise SystemExit(f"{folder}: no recordings there; set SPAIC_DATA to the folder above nmnist-small, or give --data")
        files = files[:samples]
        self.label = np.array([int(file.parent.name) for file in files])
        self.data = np.stack([recording(file) for file in files])
        self.shift, self.rng = shift, np.random.default_rng(seed)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, index):
        data, label = self.batch([index])
        return data[0], label[0]

    def batch(self, indices):
        """Many recordings at once, each moved by up to `shift` pixels."""
        moves = self.rng.integers(-self.shift, self.shift + 1, (len(indices), 2))
        moved = [np.roll(self.data[i], tuple(move), axis=(2, 3)) for i, move in zip(indices, moves, strict=True)]
        return np.stack(moved), self.label[np.asarray(indices)]


class ConvNet(spaic.Network):
    """Two convolutions with pooling, then one integrator per digit."""

    def __init__(self, seed):
        super().__init__(seed=seed)
        neuron = {"model": "lif", "tau_m": 40.0}
        self.events = spaic.Encoder(shape=(2, SIZE, SIZE), coding_method="null")
        self.features = spaic.NeuronGroup(shape=(12, 15, 15), **neuron)
        self.strokes = spaic.NeuronGroup(shape=(32, 6, 6), **neuron)
        self.digit = spaic.NeuronGroup(10, model="li", tau_m=40.0)
        pooled = {"link_type": "conv", "syn_type": ["conv", "maxpool"], "w_mean": 0.0}
        self.conv1 = spaic.Connection(self.events, self.features, kernel_size=5, w_std=0.2, **pooled)
        self.conv2 = spaic.Connection(self.features, self.strokes, kernel_size=4, w_std=0.15, **pooled)
        self.full = spaic.Connection(self.strokes, self.digit, syn_type=["dropout", "basic"], syn_kwargs={"p": 0.3}, w_mean=0.0, w_std=0.02)
        self.output = spaic.Decoder(dec_target=self.digit, coding_method="mean_voltage")
        self.learner = spaic.SurrogateBP(self, surrogate="atan")
        self.optim = spaic.Adam(lr=0.003)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--data", type=Path, help="folder with Train and Test")
    parser.add_argument("--samples", type=int, help="number of recordings to train on, all by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = options.data or Path(os.environ.get("SPAIC_DATA") or shared) / "nmnist-small"
    train = NMNIST(folder, True, options.samples, shift=2, seed=options.seed)
    test = NMNIST(folder, False)
    net = ConvNet(options.seed)
    net.set_backend_dt(DT)
    history = net.fit(
        spaic.Dataloader(train, batch_size=25, shuffle=True, seed=options.seed),
        epochs=options.epochs,
        run_time=DURATION,
        test=spaic.Dataloader(test, batch_size=100),
    )
    print(f"at the end: test accuracy {history.test_accuracy[-1]:.1%}, in training {history.accuracy[-1]:.1%}")
