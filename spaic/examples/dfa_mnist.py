"""MNIST by direct feedback alignment: 784-500-10, the error at the output reaches the hidden neurons through a fixed random matrix.

Images are constant currents for 10 ms; leaky neurons without spikes read the hidden layer, and their mean potentials are the prediction.
`net.learner.feedback` has the matrix, which nobody trains.

MNIST is looked for in $SPAIC_DATA/mnist and in ~/.cache/spaic/mnist; --download fetches it (12 MB).
Expect 97.8, 97.6 and 97.8 % on the 10,000 test images after 5 epochs (seeds 0, 1, 2), in about 6 s per epoch on one core.

Run: python examples/dfa_mnist.py [--epochs 5] [--batches 600] [--learner DirectFeedbackAlignment] [--download] [--seed 0]
"""

import argparse
import itertools
import sys

import torch
from tqdm import tqdm

import spaic

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batches", type=int, default=600, help="of 100 images, per epoch")
parser.add_argument("--hidden", type=int, default=500)
parser.add_argument("--learner", choices=("DirectFeedbackAlignment", "FeedbackAlignment", "SurrogateBP"), default="DirectFeedbackAlignment")
parser.add_argument("--download", action="store_true", help="fetch MNIST if it is not there")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
try:
    images, unseen = (spaic.MNIST(is_train=part, download=options.download) for part in (True, False))
except spaic.DataError as error:
    sys.exit(f"{error}\nOr run this script with --download.")
train = spaic.Dataloader(images, batch_size=100, shuffle=True, seed=options.seed)
test = spaic.Dataloader(unseen, batch_size=500)
batches = min(options.batches, len(train))

with spaic.Network(seed=options.seed) as net:
    input = spaic.Encoder(num=784, coding_method="direct")
    hidden = spaic.NeuronGroup(options.hidden, model="lif")
    readout = spaic.NeuronGroup(10, model="nonspiking_lif")
    into = spaic.Connection(input, hidden, link_type="full")
    onto = spaic.Connection(hidden, readout, link_type="full")
    output = spaic.Decoder(dec_target=readout, coding_method="mean_voltage")
    learner = getattr(spaic, options.learner)(net)
    optim = spaic.Adam(lr=0.005, schedule="CosineAnnealingLR", maxstep=options.epochs * batches)
net.set_backend_dt(1.0)

for epoch in range(options.epochs):
    right = seen = 0
    bar = tqdm(itertools.islice(train, batches), f"epoch {epoch + 1}/{options.epochs}", batches)
    for data, label in bar:
        net.input(data)
        net.run(10.0)
        prediction, truth = net.output.predict, torch.as_tensor(label)
        loss = torch.nn.functional.cross_entropy(prediction, truth)
        net.learner.optim_zero_grad()
        loss.backward()
        net.learner.optim_step()
        right += int((prediction.argmax(1) == truth).sum())
        seen += len(label)
        bar.set_postfix(loss=f"{loss.item():.3f}", accuracy=f"{right / seen:.1%}")
    print(f"epoch {epoch + 1}: test accuracy {100 * net.evaluate(test, 10.0):.2f}%")
