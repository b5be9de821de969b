#!/usr/bin/env python3
"""Scores of several seeds by this program and by PyTorch: `python table.py FOLDER SEED ...`, after `real_squad2.sh`."""

import json
import os
import statistics
import sys

SCORES = ("best_f1", "best_exact", "HasAns_f1", "NoAns_f1")


def scores(folder, name):
    """The scores of an evaluation of the dev set, by name."""
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
        found = json.load(file)
    return found["run_squad"]


def cell(values):
    """Mean and sample standard deviation."""
    spread = f" ({statistics.stdev(values):.2f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def main():
    folder, seeds = sys.argv[1], sys.argv[2:]
    print("| " + " | ".join(["", *(f"best F1, seed {seed}" for seed in seeds), *(f"{score}, mean (deviation)" for score in SCORES)]))
    print("|---" * (1 + len(seeds) + len(SCORES)) + "|")
    for system in ("ours", "theirs"):
        found = [scores(folder, f"{system}-{seed}") for seed in seeds]
        rows = [f"{one['best_f1']:.2f}" for one in found] + [cell([one[score] for one in found]) for score in SCORES]
        print(f"| {system} | " + " | ".join(rows) + " |")


if __name__ == "__main__":
    main()
