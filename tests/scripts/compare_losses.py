#!/usr/bin/env python3
"""Compare the losses of two runs step by step.

    python compare_losses.py RUN/events.jsonl losses.json [--tolerance 1e-3]

Either side may be a JSON-lines file of events (one object a line; the lines whose `--kind-field` equals `--kind` count)
or the JSON file that `pytorch_losses.py` writes. Steps are paired by number. Exits with 1 if the greatest relative
difference exceeds the tolerance, if the numbers of either side leave a gap, or if a loss is not finite.
"""

import argparse
import json
import math
import sys


def field(record, path):
    """Value at a dotted path in nested objects; None if it is not there."""
    for key in path.split("."):
        if not isinstance(record, dict) or key not in record:
            return None
        record = record[key]
    return record


def read_losses(path, options):
    """`{step: loss}` of a file, in either of the two forms."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = None
    if isinstance(whole, dict) and "steps" in whole:
        return {record["step"]: record["loss"] for record in whole["steps"]}
    losses = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            sys.exit(f"{path}: line {number} is not JSON")
        if options.kind and field(record, options.kind_field) != options.kind:
            continue
        step, loss = field(record, options.step_field), field(record, options.loss_field)
        if step is not None and loss is not None:
            losses[step] = loss
    if not losses:
        sys.exit(f"{path}: no line with {options.kind_field} = {options.kind}, {options.step_field} and "
                 f"{options.loss_field}")
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="greatest relative difference (default 1e-3)")
    parser.add_argument("--first-steps", type=int, help="compare only this many steps")
    parser.add_argument("--kind-field", default="event", help="field of an event line that names its kind")
    parser.add_argument("--kind", default="step", help="kind of the lines with losses; empty: every line")
    parser.add_argument("--step-field", default="step", help="dotted path of the step number")
    parser.add_argument("--loss-field", default="loss", help="dotted path of the loss")
    parser.add_argument("--offset", type=int, default=1,
                        help="number of the first step on our side (default 1, as in events.jsonl; theirs is 0)")
    parser.add_argument("--out", help="JSON file for the pairs and the summary")
    options = parser.parse_args()

    ours = {step - options.offset: loss for step, loss in read_losses(options.ours, options).items()}
    theirs = read_losses(options.theirs, options)
    count = min(max(ours), max(theirs)) + 1
    count = min(count, options.first_steps or count)
    missing = [step for step in range(count) if step not in ours or step not in theirs]
    if missing:
        sys.exit(f"steps missing on one side: {missing[:10]}")
    pairs = [(step, ours[step], theirs[step]) for step in range(count)]
    if bad := [step for step, left, right in pairs if not (math.isfinite(left) and math.isfinite(right))]:
        sys.exit(f"losses that are not finite at steps {bad[:10]}")
    relative = [abs(left - right) / max(abs(right), 1e-12) for _, left, right in pairs]
    worst = max(range(count), key=relative.__getitem__)
    summary = {"steps": count, "max_relative": relative[worst], "at_step": worst, "ours": pairs[worst][1],
               "theirs": pairs[worst][2], "mean_relative": sum(relative) / count,
               "first_loss": pairs[0][2], "last_loss": pairs[-1][2], "tolerance": options.tolerance}
    print(json.dumps(summary))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({**summary, "pairs": pairs}, file, indent=1)
            file.write("\n")
    sys.exit(0 if relative[worst] <= options.tolerance else 1)


if __name__ == "__main__":
    main()
