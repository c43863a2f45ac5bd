"""A code of your own: regular spike trains, registered under a name and used in training.

An encoder is a frozen dataclass; its fields are keywords of `spaic.Encoder`. It answers with a stream, a pure function of the time step:
asked twice for the same steps it gives the same spikes, so that none have to be stored.

A Poisson train carries the noise of its counts; spikes at equal distances say the same without it. Expect, after 5 epochs with 1.8
spikes per pixel, 89 % with the Poisson code and 96 % with this one (seeds 0, 1, 2: 91.1, 88.6, 87.2 and 97.2, 95.8, 95.3 %), in 7 s.

Run: python examples/custom_encoder.py [--epochs 5] [--rate 0.3] [--seed 0] [--figure custom_encoder.png]
"""

import argparse
from dataclasses import dataclass

import torch

import spaic
from spaic.Graph.stream import Stream
from spaic.Library.encoders import Encoding
from spaic.Library.ranges import demand_values


class EqualDistances(Stream):
    """A spike whenever `rate * step + phase` passes a whole number; both are [batch, *shape]."""

    is_spiking = True

    def __init__(self, rate, phase, steps):
        self.rate, self.phase, self.steps = rate, phase, steps
        self.batch, self.shape = rate.shape[0], tuple(rate.shape[1:])

    def chunk(self, start, stop):
        step = torch.arange(start, stop + 1, device=self.rate.device).clamp(max=self.steps)  # nothing comes after the run
        passed = (step.view(-1, *[1] * self.rate.ndim) * self.rate + self.phase).floor()
        return passed.diff(dim=0).to(torch.uint8)


@spaic.registry.encoders.register("regular")
@dataclass(frozen=True)
class Regular(Encoding):
    """A value x becomes x * `rate` spikes per ms at equal distances; when the first one comes is random."""

    rate: float = 1.0

    def encode(self, source, clock, steps, key):
        rate = source.double() * (self.rate * clock.dt)
        demand_values(key.path, "regular", rate, high=1.0, fix="lower the rate or the time step")  # at most one spike per step
        phase = torch.as_tensor(key.generator().random(tuple(rate.shape)), device=rate.device)
        return EqualDistances(rate, phase, steps)


class Net(spaic.Network):
    """64-100-10 clif neurons, with a code."""

    def __init__(self, seed, **code):
        super().__init__(seed=seed)
        self.pixels = spaic.Encoder(num=64, **code)
        self.hidden, self.digit = spaic.NeuronGroup(100, model="clif"), spaic.NeuronGroup(10, model="clif")
        self.link1, self.link2 = spaic.Connection(self.pixels, self.hidden), spaic.Connection(self.hidden, self.digit)
        self.output = spaic.Decoder(dec_target=self.digit)
        self.spikes = spaic.SpikeMonitor(self.pixels)
        self.learner = spaic.SurrogateBP(optimizer=spaic.Adam(lr=0.01))
        self.set_backend_dt(1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.3, help="spikes per ms of a white pixel")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="file for a raster of the spikes, such as custom_encoder.png")
    options = parser.parse_args()
    test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=360)
    for code in ({"coding_method": "poisson", "unit_conversion": options.rate}, {"coding_method": "regular", "rate": options.rate}):
        train = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True, seed=options.seed)
        net = Net(options.seed, **code)
        history = net.fit(train, options.epochs, 20.0, test=test)
        spikes = net.spikes.spk_count.mean()
        print(f"{code['coding_method']}: test accuracy {history.test_accuracy[-1]:.1%} with {spikes:.2f} spikes per pixel")
    if options.figure:
        spaic.Plot.raster(net.spikes, title="a digit in regular spikes").figure.savefig(options.figure)
