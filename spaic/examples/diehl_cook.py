"""The network of Diehl and Cook on MNIST: digits without labels, by spike-timing dependent plasticity, competition and adaptive thresholds.

Each image is shown for 350 ms and 150 ms of rest; where fewer than 5 spikes come, again at a higher rate. Then nothing learns any more:
what each neuron stands for is read from the last 10,000 training images, and the test images are classified by that.

MNIST is looked for in $SPAIC_DATA/mnist and in ~/.cache/spaic/mnist; --download fetches it (12 MB). With --save cook, weights, thresholds
and the state are written to cook-1000.spaic, cook-2000.spaic, ...; the last one is kept, and the same command goes on from there.
Expect 84.8, 85.0 and 85.8 % with 100 neurons, 89.4, 89.3 and 89.4 % with 400, by proportion (seeds 0, 1, 2), in some minutes on one core.

Run: python examples/diehl_cook.py [--neurons 100] [--images 60000] [--seed 0] [--quick] [--save cook] [--figure cook.png]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import spaic
from spaic.Library import DiehlCook, LabelReadout

SHOWN, TRIAL, RATE = 350, 500, 0.06375  # steps of 1 ms, and spikes per step of a white pixel
FEWEST, BRIGHTER = 5, np.arange(1.0, 6.5, 0.5, dtype=np.float32)  # spikes, and how many times the first rate until there are as many
TOGETHER = 10  # images in one run, one after the other, as a run takes some time to start; weights are scaled once for them


def mnist(is_train, download, count):
    """Pixels in [0, 1], ``[count, 784]``, and labels."""
    data = spaic.MNIST(is_train=is_train, download=download)
    pixels, labels = zip(*(data[i] for i in range(min(count, len(data)))), strict=True)
    return np.stack(pixels).reshape(-1, 784), np.array(labels)


def network(neurons, count, seed):
    """The more neurons and the fewer images, the fewer spikes has each neuron, and the more does each of them change."""
    step = np.sqrt(neurons * 60_000 / count)
    net = DiehlCook(neurons, theta_plus=0.0025 * step, tau_theta=6.5e6, coding_method="null", seed=seed)
    net.learner = spaic.PlasticityLearner(net.input_exc, "post_pre_stdp", nu_post=5e-4 * step)
    return built(net)


def built(net):
    """With the spikes of each step besides their number."""
    net.trains = spaic.Decoder(dec_target=net.exc, coding_method="null")
    net.set_backend("torch", dt=1.0)
    return net


def trains(pixels, rng):
    """Poisson spikes of images that follow each other with rest in between, ``[1, T, 784]``."""
    spikes = np.zeros((len(pixels), TRIAL, pixels.shape[1]), bool)
    for train, image in zip(spikes, pixels, strict=True):
        lit = np.flatnonzero(image)
        train[:SHOWN, lit] = rng.random((SHOWN, len(lit)), dtype=np.float32) < RATE * image[lit]
    return spikes.reshape(1, -1, pixels.shape[1])


def respond(net, pixels, rng):
    """Spikes of each neuron for each image, ``[count, neurons]``, at the first rate at which there are enough."""
    counts, waiting = np.zeros((len(pixels), net.exc.num), np.float32), np.arange(len(pixels))
    for factor in BRIGHTER:
        net.input(trains(factor * pixels[waiting], rng))
        net.run_continue(float(TRIAL * len(waiting)))
        counts[waiting] = net.trains.predict.reshape(len(waiting), TRIAL, -1).sum(1)
        waiting = waiting[counts[waiting].sum(1) < FEWEST]
        if not len(waiting):
            break
    return counts


def position(file):
    """The number of images after which a file was written."""
    return int(file.stem.rpartition("-")[2])


def learn(net, pixels, together, save, seed):
    """All images once, from where the last file of an earlier call ends."""
    files = sorted(Path(save).parent.glob(f"{Path(save).name}-*.spaic"), key=position) if save else []
    if files:
        net.load(files[-1])
    start = position(files[-1]) if files else 0
    bar = tqdm(total=len(pixels), initial=start, desc="learning", mininterval=1.0)
    for first in range(start, len(pixels), together):
        counts = respond(net, pixels[first : first + together], np.random.default_rng((seed, first)))
        done = first + len(counts)
        bar.set_postfix(spikes=f"{counts.sum(1).mean():.0f}", threshold=f"+{net.threshold_rise.mean():.1f} mV", refresh=False)
        bar.update(len(counts))
        if save and (done % 1000 == 0 or done == len(pixels)):
            files.append(net.save(f"{save}-{done}.spaic"))
            for old in files[:-1]:
                old.unlink(missing_ok=True)


def answers(net, pixels, what, seed):
    """Spikes of each neuron for each image, ``[count, neurons]``."""
    rng = np.random.default_rng(seed)
    parts = range(0, len(pixels), TOGETHER)
    return np.concatenate([respond(net, pixels[k : k + TOGETHER], rng) for k in tqdm(parts, what, mininterval=1.0)])


def draw(net, true, predicted, file):
    """What the neurons look for, and the confusion matrix."""
    file = Path(file)
    side = int(np.sqrt(net.exc.num))
    spaic.Plot.receptive_fields(net.input_exc, shape=(28, 28), neurons=range(side * side)).figure.savefig(file)
    counts = spaic.Plot.confusion_counts(true, predicted, classes=10)
    spaic.Plot.confusion_matrix(counts, title="MNIST, test images").figure.savefig(file.with_name(f"{file.stem}_confusion{file.suffix}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--images", type=int, default=60_000, help="to learn from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tested", type=int, default=10_000, help="images to test on")
    parser.add_argument("--quick", action="store_true", help="the same as --images 1000 --tested 500, in some 10 s")
    parser.add_argument("--download", action="store_true", help="fetch MNIST if it is not there")
    parser.add_argument("--save", help="beginning of the file names, such as cook")
    parser.add_argument("--stop", type=int, help="end after learning so many of the images; with --save, to go on another time")
    parser.add_argument("--figure", help="file for the receptive fields, such as cook.png; cook_confusion.png is written beside it")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one image at a time leaves nothing to share
    try:
        pixels, labels = mnist(True, options.download, 1000 if options.quick else options.images)
        unseen, true = mnist(False, options.download, 500 if options.quick else options.tested)
    except spaic.DataError as error:
        sys.exit(f"{error}\nOr run this script with --download.")
    net = network(options.neurons, len(pixels), options.seed)
    with torch.no_grad():
        together = TOGETHER if len(pixels) > 10_000 else 1  # of few images each changes so much that weights have to be scaled at once
        learn(net, pixels[: options.stop], together, options.save, options.seed)
        if options.stop is not None:
            sys.exit()
        fixed = built(net.fixed())
        readout = LabelReadout(10)
        readout.observe(answers(fixed, pixels[-10_000:], "labelling", 1), labels[-10_000:])
        found = answers(fixed, unseen, "testing", 2)
    for name, predicted in (("label", readout.by_label(found)), ("proportion", readout.by_proportion(found))):
        print(f"{options.neurons} neurons, {len(pixels)} images, by {name}: test accuracy {100 * (predicted == true).mean():.2f}%")
    if options.figure:
        draw(net, true, readout.by_proportion(found), options.figure)
