"""Real learning: our recipes against the original's, on 5,000 images of CIFAR-10, tested on all 10,000.

    python tests/bench/learning.py FOLDER [--runs DIR] [--seeds 3] [--models bit vit] [--recipes ours seed]

FOLDER holds CIFAR-10 as an image folder (train/ and test/). Trains each model with each recipe and seed, one after the
other, by `engine run`; what is in DIR already is not trained again, so that it can be stopped and gone on with, or two
such commands share the work. Prints a table of the last epoch's macro F1: mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from engine.history.reader import History
from engine.runs.liveness import status_of
from engine.runs.store import Store

EXPERIMENTS = """
[defaults]
dataset = "folder:{folder}"
epochs = 7
precision = "{precision}"
log_every = 50
evaluate_every = 7  # the scores of the last epoch are what the table shows

[experiments.bit]
model = "bit_mini"
subset_per_class = 510  # of which 2 % are held out for validation
batch_size = 64

[experiments.vit]
model = "vit_ti"
patch_size = 4
subset_per_class = 510
batch_size = 64

[experiments.bit-seed]
model = "bit_mini"
recipe = "seed"
subset_per_class = 510

[experiments.vit-seed]
model = "vit_ti"
patch_size = 4
recipe = "seed"
subset_per_class = 510
"""


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs-learning"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="*", default=["bit", "vit"])
    parser.add_argument("--recipes", nargs="*", default=["ours", "seed"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    config = arguments.runs.parent / f"{arguments.runs.name}.toml"
    config.write_text(EXPERIMENTS.format(folder=arguments.folder.resolve(), precision=arguments.precision))
    suffixes = ["-seed" if recipe == "seed" else "" for recipe in arguments.recipes]
    wanted = [(f"{model}{suffix}", seed) for model in arguments.models
              for seed in range(arguments.seeds) for suffix in suffixes]  # fmt: skip
    for name, seed in wanted:
        if (name, seed) not in scores(arguments.runs):
            command = ["run", name, "--seed", str(seed), "--device", arguments.device, "--json"]
            options = ["--config", str(config), "--runs", str(arguments.runs)]
            print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
            subprocess.run(
                [sys.executable, "-m", "engine.cli", *command, *options],
                stdout=subprocess.DEVNULL,
                check=True,
            )
    table(scores(arguments.runs))


def scores(runs: Path) -> dict[tuple[str, int], float]:
    """Return the last test F1 of each experiment and seed that has finished."""
    found = {}
    for run in Store(runs).runs():
        if status_of(run).state == "finished":
            history = History(run.path)
            history.update()
            found[run.info().experiment, run.info().seed] = float(history.series("test/f1")[1][-1])
    return found


def table(found: dict[tuple[str, int], float]) -> None:
    """Print what there is."""
    print("| model | recipe | seeds | test macro F1, mean ± sd | each |")
    print("|---|---|---|---|---|")
    for name in ("bit", "bit-seed", "vit", "vit-seed"):
        values = [value for (experiment, _), value in sorted(found.items()) if experiment == name]
        if values:
            spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            model, _, seed = name.partition("-")
            each = ", ".join(f"{value:.3f}" for value in values)
            print(f"| {'bit_mini' if model == 'bit' else 'vit_ti, patch 4'} | {'seed' if seed else 'ours'} | "
                  f"{len(values)} | {statistics.mean(values):.3f}{spread} | {each} |")  # fmt: skip


if __name__ == "__main__":
    main()
