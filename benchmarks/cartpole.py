"""CartPole-v1 with both learners of the examples: mean return over 100 episodes that are not those of the training, for each seed.

What was measured is added to the file, in place of what stood there for the same learner and seed; `python docs/generate_cartpole.py`
draws it.

Run: python benchmarks/cartpole.py [--seeds 0 1 2] [--learners policy_gradient rstdp] [--out benchmarks/learning/cartpole.json]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import cartpole_policy_gradient  # noqa: E402  after the path is set
import cartpole_rstdp  # noqa: E402

#: Learner -> its closed loop, and episodes at most.
LEARNERS = {"policy_gradient": (cartpole_policy_gradient.loop, 2000), "rstdp": (cartpole_rstdp.loop, 400)}
GOAL = 450.0


def measure(name, seed, tests=100):
    """Train one network, and what it reaches."""
    make, episodes = LEARNERS[name]
    pipeline = make(seed)
    start = time.process_time()
    history = pipeline.train(episodes, early_stop=475.0, progress=False)
    seconds = time.process_time() - start
    tested = pipeline.evaluate(tests)
    return {
        "learner": name,
        "seed": seed,
        "episodes": history.episodes,
        "steps": pipeline.steps,
        "seconds": round(seconds, 1),
        "mean": tested.mean(),
        "least": min(tested.returns),
        "returns": history.returns,
    }


def keep(row, path):
    """Add a row to a file."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    kept = [old for old in kept if (old["learner"], old["seed"]) != (row["learner"], row["seed"])]
    rows = sorted([*kept, row], key=lambda one: (one["learner"], one["seed"]))
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in rows) + "\n]\n", encoding="utf-8")


def main() -> None:
    """Train with each learner and seed, print a line for each, and say whether the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--learners", nargs="+", choices=list(LEARNERS), default=list(LEARNERS))
    parser.add_argument("--out", type=Path, help="file for the figures and all returns")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.learners:
        for seed in options.seeds:
            row = measure(name, seed)
            rows.append(row)
            if options.out:
                keep(row, options.out)
            reached = f"{row['mean']:5.1f} (least {row['least']:.0f})"
            print(f"{name:16} seed {seed}: {reached} after {row['steps']:,} steps, {row['seconds']:.0f} s of one core", flush=True)
    for name in options.learners:
        means = [row["mean"] for row in rows if row["learner"] == name]
        print(f"{name}: {sum(mean >= GOAL for mean in means)} of {len(means)} seeds reach {GOAL:.0f}")


if __name__ == "__main__":
    main()
