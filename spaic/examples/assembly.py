"""Assemblies: nested parts, projections with policies, and what the edits of a trained network keep.

A cortex of two columns, each of an excitatory and an inhibitory group, learns the 8 x 8 digits. Projections choose the groups that
they join by type, and follow every edit: a copied column is joined to the digits like the others.

Expect 96 % after 4 epochs (seeds 0, 1, 2: 95.8, 96.1, 95.8 %). A copied column, whose outgoing weights are new, costs 2 to 11 points;
hidden or deleted, it leaves exactly the accuracy from before. Cells of another model cost 0 to 3 points, and one more epoch leads to 96
or 97 %. No edit changes a weight that still fits. It takes 8 s on one core.

Run: python examples/assembly.py [--epochs 4] [--seed 0] [--figure assembly.png]
"""

import argparse

import spaic


class Column(spaic.Assembly):
    """Cells that code, and cells that hold them back with weights below 0; both see all pixels."""

    def __init__(self, pixels, num):
        super().__init__()
        self.exc = spaic.NeuronGroup(num, model="clif", neuron_type="excitatory")
        self.inh = spaic.NeuronGroup(num // 4, model="clif", neuron_type="inhibitory")
        self.see, self.feel = spaic.Connection(pixels, self.exc), spaic.Connection(pixels, self.inh)
        self.hold = spaic.Connection(self.inh, self.exc, w_mean=-0.1, w_std=0.05, w_max=0.0)


class Net(spaic.Network):
    """From the cortex all but inhibitory groups lead to the digits; the first column holds back the second one."""

    def __init__(self, seed):
        super().__init__(seed=seed)
        self.pixels = spaic.Encoder(num=64, coding_method="latency")
        self.cortex = spaic.Assembly()
        self.cortex.first, self.cortex.second = Column(self.pixels, 40), Column(self.pixels, 40)
        self.digit = spaic.NeuronGroup(10, model="clif")
        self.out = spaic.Projection(self.cortex, self.digit, spaic.ExcludedTypePolicy(pre_types="inhibitory"), link_type="full")
        unlike = spaic.IncludedTypePolicy("inhibitory", "excitatory")
        self.across = spaic.Projection(self.cortex.first, self.cortex.second, unlike, link_type="full", w_mean=-0.05, w_max=0.0)
        self.output = spaic.Decoder(dec_target=self.digit, coding_method="spike_counts")
        self.learner = spaic.STCA(0.5)
        self.optim = spaic.Adam(lr=0.01)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--figure", help="file for a drawing of the network, such as assembly.png")
options = parser.parse_args()
train = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True, seed=options.seed)
test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=360)
net = Net(options.seed)
net.set_backend_dt(1.0)
before = {}


def tell(what, net=net):
    """Accuracy, and how many of the weights are the same as when this was last called."""
    now = {path: weight.clone() for path, weight in net.state_dict().items()}
    kept = sum(path in before and weight.equal(before[path]) for path, weight in now.items())
    print(f"{what:<34} test accuracy {spaic.evaluate(net, test, 20.0):.1%}, {len(now)} weight matrices, {kept} as before")
    before.update(now)


net.fit(train, options.epochs, 20.0)
tell("trained")
third = net.cortex.copy_assembly("third", net.cortex.first)  # with its weights; the projection joins it to the digits with new ones
tell("third column copied from the first")
print("its own weights are those of the first column:", third.see.weight.equal(net.cortex.first.see.weight))
if options.figure:
    spaic.Plot.draw_network(net).figure.savefig(options.figure)
third.hide()  # third.show() brings it back
tell("third column hidden")
print("deleted:", *net.del_assembly(third))
tell("third column deleted")
net.replace_assembly("cortex.first.exc", spaic.NeuronGroup(40, model="lif", neuron_type="excitatory"))
tell("first column with lif cells")
net.fit(train, 1, 20.0)
tell("trained for one more epoch")
alone = net.select_assembly([net.pixels, net.cortex.second, net.digit, net.output], name="alone")
print("selected:", *(connection.path for connection in alone.get_connections()))
print(f"a network of the second column alone: test accuracy {spaic.evaluate(alone, test, 20.0):.1%}")
