"""Saving and loading: a training is cut off, goes on from its file, and ends as if nothing had happened, bit for bit.

A `.spaic` file holds the declaration, weights, optimizer, random numbers and the position in the data. `spaic.load` rebuilds the
network from it without the class that declared it. `save_state` writes the weights alone, for a network declared in your own code.

Expect 90 % after 4 epochs, "no difference" between the two trainings, and about the same accuracy from the weights alone, with other
random input. It takes 6 s on one core.

Run: python examples/save_load.py [--epochs 4] [--seed 0] [--folder checkpoints]
"""

import argparse
import pathlib
import tempfile

import spaic
from spaic.IO import inspection


class Net(spaic.Network):
    """64-100-10 with random input, so that the random numbers have to go on where they were."""

    def __init__(self, seed):
        super().__init__(seed=seed)
        self.pixels = spaic.Encoder(num=64, coding_method="poisson", unit_conversion=0.5)
        self.hidden = spaic.NeuronGroup(100, model="clif")
        self.digit = spaic.NeuronGroup(10, model="clif")
        self.link1 = spaic.Connection(self.pixels, self.hidden)
        self.link2 = spaic.Connection(self.hidden, self.digit)
        self.output = spaic.Decoder(dec_target=self.digit)
        self.learner = spaic.STCA(0.5, self)
        self.optim = spaic.Adam(lr=0.01)
        self.set_backend_dt(1.0)


class PowerCut(spaic.Callback):
    """Ends the second epoch in the middle, without a chance to save anything."""

    def batch_end(self, fit):
        if (fit.epoch, fit.batch) == (2, 15):
            raise SystemError("power cut")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--folder", type=pathlib.Path, help="where to leave the files; a temporary folder otherwise")
options = parser.parse_args()
folder = options.folder or pathlib.Path(tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=360)


def train(net, *callbacks, resume=False):
    loader = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True, seed=options.seed)
    return net.fit(loader, options.epochs, 20.0, test=test, callbacks=callbacks, resume=resume)


print("A training without interruption")
net = Net(options.seed)
train(net)
straight = net.save("straight", folder)

print("The same, with a file every 10 batches and a power cut")
checkpoint = spaic.Checkpoint(folder / "run.spaic", every=10)
try:
    train(Net(options.seed), checkpoint, PowerCut())
except SystemError as error:
    print(error)

print("It goes on from the file")
net = spaic.load(folder / "run.spaic")
halfway = net.save("halfway", folder)
history = train(net, checkpoint, resume=True)
print("straight and resumed:", inspection.diff(straight, folder / "run.spaic") or "no difference")
changes = inspection.diff(halfway, folder / "run.spaic").splitlines()
print("since the power cut:", *(line for line in changes if "weights" in line or "progress" in line), sep="\n  ")

weights = net.save_state("weights", folder)
other = Net(options.seed + 1)
print(f"a new network with another seed: test accuracy {other.evaluate(test, 20.0):.1%}")
print(f"with the weights ({other.state_from_dict(filename=weights)}): test accuracy {other.evaluate(test, 20.0):.1%}")
print("files:", *sorted(file.name for file in folder.iterdir()))
