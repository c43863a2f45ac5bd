"""Milliseconds of each part of a product of spikes with a matrix, sparse and dense, interleaved; 5,000 instants by default.

Run: python benchmarks/sparse_products.py [--threads 1] [--rates 0.02 0.1] [--sizes 784x100] [--dtype float32] [--fastest]

pack: bytes to bits and their number; flip: bits by neuron; forward and gradient: with all that they make on the way, from bits;
bag: the same sums by torch's embedding_bag, from lists that are there; dense: from bytes; floats: plain products of floats.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch.nn import functional as F

from spaic.Backend.Torch.firing.bits import Bits
from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.links.product_ways import Dense, Sums
from spaic.Backend.Torch.links.products import sparse_is_faster


def milliseconds(parts: Mapping[str, Callable[[], object]], rounds: int, of: Callable[[list[float]], float]) -> dict[str, float]:
    """Milliseconds of each part, taken in turn: the median, or the fastest."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(rounds + 2):
        for name, part in parts.items():
            start = time.perf_counter()
            part()
            if number >= 2:  # the first rounds compile and warm up
                seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * of(values) for name, values in seconds.items()}


def measured(
    rows: int, pre: int, post: int, rate: float, dtype: torch.dtype, rounds: int, of: Callable[[list[float]], float]
) -> dict[str, float]:
    """The parts of one work."""
    spikes = Spikes((torch.rand(rows, 1, pre) < rate).to(torch.uint8))
    weight, above = torch.randn(post, pre, dtype=dtype), torch.randn(rows, post, dtype=dtype)
    floats, bits = spikes.flat.to(dtype), spikes.bits
    sums, dense = Sums(bits, weight), Dense(spikes.flat)
    (starts, places), (turned_starts, turned_places) = spikes.rows(), spikes.columns()

    def gradient() -> torch.Tensor:
        bits.__dict__.pop("flipped", None)
        return sums.gradient(above)

    def flip() -> Bits:
        return Bits(bits.words, bits.size, bits.count).flipped

    return milliseconds(
        {
            "pack": lambda: Bits.of(spikes.flat),
            "lists": lambda: bits.lists(),
            "flip": flip,
            "forward": lambda: sums.times(weight, None),
            "gradient": gradient,
            "bag forward": lambda: F.embedding_bag(places, weight.T.contiguous(), starts.int(), mode="sum", include_last_offset=True),
            "bag gradient": lambda: F.embedding_bag(turned_places, above, turned_starts.int(), mode="sum", include_last_offset=True).T,
            "dense forward": lambda: dense.times(weight, None),
            "dense gradient": lambda: dense.gradient(above),
            "floats forward": lambda: floats @ weight.T,
            "floats gradient": lambda: above.T @ floats,
        },
        rounds,
        of,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--sizes", nargs="+", default=["784x100", "784x800", "784x10", "100x10", "1024x1024"])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.02, 0.1, 0.3])
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--fastest", action="store_true", help="of all rounds, instead of the median: for a busy machine")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    for size in options.sizes:
        pre, post = (int(n) for n in size.split("x"))
        for rate in options.rates:
            parts = measured(options.rows, pre, post, rate, dtype, options.rounds, min if options.fastest else statistics.median)
            ours = parts["pack"] + parts["forward"] + parts["gradient"]
            over_dense = ours / (parts["pack"] + parts["dense forward"] + parts["dense gradient"])
            over_floats = ours / (parts["floats forward"] + parts["floats gradient"])
            chosen = "sparse" if sparse_is_faster(int(rate * options.rows * pre), options.rows, pre, post, dtype) else "dense"
            print(f"{size} {100 * rate:g} %: " + ", ".join(f"{name} {value:.3f}" for name, value in parts.items()))
            print(f"    sparse over dense {over_dense:.2f}, over products of floats {over_floats:.2f}; auto takes {chosen}", flush=True)


if __name__ == "__main__":
    main()
