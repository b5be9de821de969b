#!/usr/bin/env python3
"""Compare trainings that differ in their precision only: loss curves and final scores.

    python compare_precisions.py FOLDER f32 bf16 fp16 f32-1 f32-2 [--window 50] [--tolerance 0.02]

FOLDER holds run folders of these names, the first being what the others are compared with, and beside each the output
of `spanbert evaluate --json` as NAME.json. Prints a JSON object with, for each run,

    last_mean           mean loss of the last `--window` steps
    mean_deviation      largest difference of the moving mean of the loss over `--window` steps, by that of the first run
    step_deviation      largest difference of a single step's loss, the same way
    overflows           updates that fp16 left out
    best_f1, f1         final scores on the development set

and writes FOLDER/curves.csv, the losses step by step. Runs whose name has a dash measure chance: they differ from the
first by as little as rounding does, and how far they part from it is how chaotic this training is. Exits with 1 if
`mean_deviation` of another precision is beyond both the tolerance and every one of those, or if a loss is not finite.
"""

import argparse
import csv
import json
import math
import os
import sys


def read_run(folder):
    """Losses in order, and the number of updates left out."""
    losses, overflows = {}, 0
    with open(os.path.join(folder, "events.jsonl"), encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            if event["event"] == "step":
                losses[event["step"]] = event["loss"]
            elif event["event"] == "warning" and "beyond fp16" in event["message"]:
                overflows += 1
    steps = sorted(losses)
    if not steps or steps != list(range(1, len(steps) + 1)):
        sys.exit(f"{folder}: the steps are not 1 to {len(steps)}")
    return [losses[step] for step in steps], overflows


def moving_means(values, window):
    """Means of every `window` values in a row."""
    return [sum(values[end - window:end]) / window for end in range(window, len(values) + 1)]


def relative(values, expected):
    """Largest difference by the size of what is expected."""
    return max(abs(value - other) / abs(other) for value, other in zip(values, expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--window", type=int, default=50)
    parser.add_argument("--tolerance", type=float, default=0.02)
    options = parser.parse_args()

    runs = {name: read_run(os.path.join(options.folder, name)) for name in options.runs}
    counts = {len(losses) for losses, _ in runs.values()}
    if len(counts) != 1 or min(counts) < options.window:
        sys.exit(f"the runs have {sorted(counts)} steps; they must have the same number, at least {options.window}")
    if bad := [name for name, (losses, _) in runs.items() if not all(map(math.isfinite, losses))]:
        sys.exit(f"losses that are not finite: {', '.join(bad)}")
    base = runs[options.runs[0]][0]
    base_means = moving_means(base, options.window)

    report = {}
    for name, (losses, overflows) in runs.items():
        with open(os.path.join(options.folder, f"{name}.json"), encoding="utf-8") as file:
            scores = json.load(file)["run_squad"]
        means = moving_means(losses, options.window)
        report[name] = {
            "last_mean": means[-1],
            "mean_deviation": relative(means, base_means),
            "step_deviation": relative(losses, base),
            "overflows": overflows,
            "best_f1": scores.get("best_f1"),
            "f1": scores.get("f1"),
        }
    chance = max((run["mean_deviation"] for name, run in report.items() if "-" in name), default=0.0)
    allowed = max(options.tolerance, chance)
    failed = [name for name, run in report.items() if "-" not in name and run["mean_deviation"] > allowed]
    with open(os.path.join(options.folder, "curves.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *runs])
        for step, losses in enumerate(zip(*(losses for losses, _ in runs.values())), 1):
            writer.writerow([step, *(f"{loss:.6f}" for loss in losses)])
    print(json.dumps({"steps": len(base), "window": options.window, "tolerance": options.tolerance, "allowed": allowed,
                      "runs": report, "beyond_tolerance": failed}, indent=1))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
