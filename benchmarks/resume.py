"""Trainings that are killed at a random batch and resumed, against one that never stopped.

    python benchmarks/resume.py --times 50

Each training runs in a process of its own, is killed with SIGKILL (or stopped with SIGINT, every fifth one) at a random batch, and is
resumed in another process until it is done. Compared are the SHA-256 of the weights and of the optimizer state.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import spaic
from spaic.Learning.fit import Fit

EPOCHS, EVERY = 3, 2


class Say(spaic.Callback):
    """Tells the parent process how far the training is."""

    def batch_end(self, fit: Fit) -> None:
        sys.stdout.write(f"batch {len(fit.history.batch_loss)}\n")
        sys.stdout.flush()


def network() -> spaic.Network:
    """Everything that is random or has a state: Poisson input, dropout, Adam, a schedule, a loop with delays."""
    net = spaic.Network()
    net.input = spaic.Encoder(64, coding_method="poisson")
    net.hidden = spaic.NeuronGroup(30, model="clif")
    net.out = spaic.NeuronGroup(10, model="clif")
    net.link1 = spaic.Connection(net.input, net.hidden, syn_type=["basic", "dropout"], p=0.1)
    net.loop = spaic.Connection(net.hidden, net.hidden, w_mean=0.0, w_std=0.05, min_delay=1.0, max_delay=3.0)
    net.link2 = spaic.Connection(net.hidden, net.out)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.STCA(net, alpha=0.5)
    net.optim = spaic.Adam(lr=0.01, clip_norm=1.0, schedule="CosineAnnealingLR", maxstep=60)
    net.set_backend_dt(1.0)
    return net


def child(path: Path) -> None:
    """Train to the end, from the checkpoint if there is one."""
    torch.set_num_threads(1)
    data = spaic.Digits(is_train=True)
    loader = spaic.Dataloader(spaic.CustomDataset(data.data[:600], data.label[:600]), batch_size=40, shuffle=True, seed=1)
    net = spaic.load(path) if path.exists() else network()
    saving = spaic.Checkpoint(path, every=EVERY, keep=2)
    net.fit(loader, EPOCHS, 10.0, callbacks=[saving, Say()], progress=False, resume=True)


def launched(path: Path) -> subprocess.Popen[str]:
    """A training in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, "--child", str(path)], stdout=subprocess.PIPE, text=True)


def interrupted(path: Path, batch: int, how: signal.Signals) -> None:
    """Start a training and end it at a batch."""
    process = launched(path)
    for line in process.stdout or ():
        if line == f"batch {batch}\n":
            time.sleep(random.random() * 0.02)
            process.send_signal(how)
            break
    process.wait()


def fingerprint(path: Path) -> str:
    """SHA-256 of weights and optimizer state in a checkpoint."""
    net = spaic.load(path)
    sha = hashlib.sha256()
    moments = net.learner.state_dict()
    for name, value in sorted(net.state_dict().items()):
        sha.update(name.encode() + value.numpy().tobytes())
    sha.update(repr(moments).encode())
    return sha.hexdigest()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path)
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments.child)
        return
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.spaic"
        launched(whole).communicate()
        expected, equal = fingerprint(whole), 0
        for i in range(arguments.times):
            path, batch = Path(folder) / f"{i}.spaic", random.randint(1, EPOCHS * 15 - 1)
            how = signal.SIGINT if i % 5 == 4 else signal.SIGKILL
            interrupted(path, batch, how)
            launched(path).communicate()
            found = fingerprint(path)
            equal += found == expected
            print(f"{i + 1:3d}  {how.name} at batch {batch:2d}  {'equal' if found == expected else 'DIFFERENT'}", flush=True)
        print(f"{equal} of {arguments.times} equal ({expected[:16]})")


if __name__ == "__main__":
    main()
