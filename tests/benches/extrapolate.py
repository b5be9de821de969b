#!/usr/bin/env python3
"""How long a whole recipe would take, from measured speeds: an extrapolation, and called one.

    python extrapolate.py --train train-squad.json --infer infer-squad.json --train-text preprocess-train.json \
        --dev-text preprocess-dev.json --score postprocess.json [--epochs 4 --evaluations 40]

The files are reports of `spanbert bench`: training and answering at a data set's own lengths, preprocessing of the
training and the development file, and postprocessing of the latter. Left out: loading the checkpoint, the first
compilation of kernels, and writing the files of an evaluation and of checkpoints.
"""

import argparse
import json


def row(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["rows"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("train", "infer", "train-text", "dev-text", "score"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--evaluations", type=int, default=40)
    options = parser.parse_args()
    train, infer, score = row(options.train), row(options.infer), row(options.score)
    train_text, dev_text = row(options.train_text), row(options.dev_text)
    parts = {
        "preprocessing_secs": train_text["total_secs"]["median"] + dev_text["total_secs"]["median"],
        "training_secs": options.epochs * train_text["windows"] / train["windows_per_sec"],
        "answering_secs": options.evaluations * dev_text["windows"] / infer["windows_per_sec"],
        "scoring_secs": options.evaluations * score["total_secs"]["median"],
    }
    print(json.dumps({
        "extrapolated_from_steps": train["steps"], "epochs": options.epochs, "evaluations": options.evaluations,
        "windows": train_text["windows"], "dev_windows": dev_text["windows"], **parts,
        "total_minutes": sum(parts.values()) / 60,
    }))


if __name__ == "__main__":
    main()
