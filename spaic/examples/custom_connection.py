"""A link type of your own: synapses that are the likelier the nearer two neurons are, against as many synapses anywhere.

A link type is a frozen dataclass; its fields are the keywords of `spaic.Connection`. It answers with data that every backend knows how
to apply, here a weight matrix with a mask. Its random numbers belong to the seed and the path of the connection.

Run: python examples/custom_connection.py [--epochs 5] [--reach 1.5] [--seed 0] [--figure custom_connection.png]
"""

import argparse
from dataclasses import dataclass

import numpy as np

import spaic
from spaic.Graph.transforms import Dense
from spaic.Library.links.weights import WeightedLink


@spaic.registry.links.register("nearby")
@dataclass(frozen=True)
class Nearby(WeightedLink):
    """Both groups are sheets over the same unit square; two neurons at a distance d have a synapse with probability exp(-(d / reach)^2).

    weight, bias, w_mean and w_std are those of every link with weights.
    """

    reach: float = 0.2

    def __post_init__(self):
        if not self.reach > 0:
            raise spaic.DeclarationError(f"Connection(nearby).reach: {self.reach!r} is not above 0; give a part of the width of the sheet")

    def transforms(self, pre, post, path, key):
        if len(pre) != 2 or len(post) != 2:
            raise spaic.GraphError(f"{path}: shapes {pre} and {post} are not two sheets; give both groups a shape (height, width)")
        distance = np.linalg.norm(places(post)[:, None] - places(pre)[None], axis=-1)  # [post, pre]
        mask = key.generator().random(distance.shape) < np.exp(-((distance / self.reach) ** 2))
        return (Dense(pre[0] * pre[1], post[0] * post[1], self.initial_weight(path), self.initial_bias(path), mask),)


def places(shape):
    """Where the neurons of a sheet are, ``[neurons, 2]``, row by row."""
    rows, columns = ((np.arange(n) + 0.5) / n for n in shape)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)


class Net(spaic.Network):
    """8 x 8 pixels, a sheet of 10 x 10 clif neurons, 10 digits."""

    def __init__(self, seed, **link):
        super().__init__(seed=seed)
        self.pixels = spaic.Encoder(shape=(8, 8), coding_method="latency")
        self.sheet = spaic.NeuronGroup(shape=(10, 10), model="clif")
        self.digit = spaic.NeuronGroup(10, model="clif")
        self.link1 = spaic.Connection(self.pixels, self.sheet, **link)
        self.link2 = spaic.Connection(self.sheet, self.digit)
        self.output = spaic.Decoder(dec_target=self.digit)
        self.learner = spaic.SurrogateBP(self)
        self.optim = spaic.Adam(lr=0.01)
        self.set_backend_dt(1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--reach", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="file for a picture, such as custom_connection.png")
    options = parser.parse_args()
    test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=360)

    def run(net):
        train = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True, seed=options.seed)
        return net.fit(train, options.epochs, 20.0, test=test).test_accuracy[-1]

    near = Net(options.seed, link_type="nearby", reach=options.reach)
    d = int((near.graph.links[0].transforms[0].mask).sum())
    print(d / 6400, run(near))
    print(run(Net(options.seed, link_type="sparse", density=d / 6400)))
    print(run(Net(options.seed, link_type="full")))
    print(near.graph.links[0], near.state_dict()["link1.weight"].shape, (near.state_dict()["link1.weight"] != 0).sum())
    near.explain()
    if options.figure:
        spaic.Plot.receptive_fields(near.link1).figure.savefig(options.figure)
