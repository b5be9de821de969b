#!/usr/bin/env python3
"""Scores of recipes beside the reference's, after `recipes.sh`: `python compare.py FOLDER --seeds 1 2 3 --options NAME ...`.

Differences are between runs of the same seed, which share their first weights and the order of batches.
"""

import argparse
import json
import os
import statistics

REFERENCE = "ours"


def read(folder, name):
    """What a command printed as JSON; none if it has not come so far."""
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def cell(values, digits=2):
    """Mean and sample standard deviation."""
    if not values:
        return ""
    spread = f" ({statistics.stdev(values):.{digits}f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def runs(folder, name, seeds):
    """Scores and seconds of the runs that are finished, by seed."""
    found = {}
    for seed in seeds:
        scores, training = read(folder, f"{name}-{seed}"), read(folder, f"{name}-{seed}.train")
        if scores is not None and training is not None:
            found[seed] = (scores["run_squad"], training["elapsed_secs"])
    return found


def row(title, own, reference):
    """A line of the table."""
    paired = [(scores["best_f1"] - reference[seed][0]["best_f1"]) for seed, (scores, _) in own.items() if seed in reference]
    score = lambda key: cell([scores[key] for scores, _ in own.values()])
    minutes = cell([secs / 60 for _, secs in own.values()], 1)
    cells = [title, str(len(own)), score("best_f1"), cell(paired) if title != "reference" else "", score("best_exact"), minutes]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seeds", nargs="+", required=True)
    parser.add_argument("--options", nargs="+", required=True)
    arguments = parser.parse_args()
    reference = runs(arguments.folder, REFERENCE, arguments.seeds)
    titles = ["recipe", "seeds", "best F1", "difference to the reference, by seed", "best exact", "minutes of training"]
    print("Means, sample standard deviations in brackets.\n")
    print("| " + " | ".join(titles) + " |")
    print("|---" * len(titles) + "|")
    print(row("reference", reference, reference))
    for name in arguments.options:
        own = runs(arguments.folder, name, arguments.seeds)
        if own:
            print(row(name, own, reference))
    ensemble = read(arguments.folder, "ensemble")
    if ensemble is not None and reference:
        scores = ensemble["run_squad"]
        mean = statistics.mean(scores["best_f1"] for scores, _ in reference.values())
        difference = f"{scores['best_f1'] - mean:.2f} to the mean"
        minutes = f"{sum(secs for _, secs in reference.values()) / 60:.1f} in all"
        print(f"| ensemble of the reference's {len(reference)} | | {scores['best_f1']:.2f} | {difference} | {scores['best_exact']:.2f} | {minutes} |")


if __name__ == "__main__":
    main()
