#!/usr/bin/env python3
"""What gpu_session.sh says first: whether the GPU computes what the processor does, and how fast beside PyTorch.

    python verdict.py RESULTS BACKEND "f32 bf16 fp16"

Reads the files of the session's first steps. Ends with code 1 if something disagrees or is missing.
"""

import glob
import json
import os
import sys

LOSS_LIMITS = {"f32": 2e-3, "bf16": 1e-2, "fp16": 2e-3}
"""Largest relative difference of the loss after thirty updates from the processor's f32. Products round their operands to 10
bits of significand in TF32 (which f32 may use) and fp16, to 7 in bf16; single roundings of 2^-11 and 2^-8 average out over
the sums of a product, and thirty updates carry them along. A wrong kernel is off by far more."""


def row(path):
    """The only row of a report of `spanbert bench`; none if the step has not succeeded."""
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["rows"][0]


def self_test(folder, backend):
    """The line of `devices --check` about the device."""
    path = os.path.join(folder, "check.txt")
    if not os.path.isfile(path):
        return False, "did not succeed (check.txt.log)"
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.startswith(f"{backend}:0: ")]
    return bool(lines) and "agrees with the processor" in lines[0], lines[0] if lines else "tested no such device"


def tests(folder):
    """How many of the parity tests' programs passed; those that failed have a log and no output."""
    logs = glob.glob(os.path.join(folder, "parity-*.txt.log"))
    failed = [os.path.basename(log) for log in sorted(logs) if not os.path.isfile(log[: -len(".log")])]
    if not logs:
        return True, "none brought (PARITY_TESTS)"
    return not failed, f"{len(logs) - len(failed)} of {len(logs)} programs passed {' '.join(failed)}".strip()


def parity(folder, precision):
    """Losses of the same updates on the processor and on the device, fused and not."""
    reference = row(os.path.join(folder, "losses-cpu.json"))
    good, words = True, []
    for kind in ("", "-unfused"):
        measured = row(os.path.join(folder, f"losses-{precision}{kind}.json"))
        if reference is None or measured is None:
            good = False
            words.append("not measured")
            continue
        difference = abs(measured["last_loss"] / reference["last_loss"] - 1)
        good &= difference <= LOSS_LIMITS[precision]
        words.append(f"{difference:.1e}")
    return good, f"loss differs by {words[0]} fused, {words[1]} unfused (limit {LOSS_LIMITS[precision]:.0e})"


def speed(folder, precision):
    """Windows a second, with PyTorch's where they were measured."""
    alone = row(os.path.join(folder, f"verdict-{precision}.json"))
    path = os.path.join(folder, "compare", f"verdict-{precision}.jsonl")
    if os.path.isfile(os.path.join(folder, f"verdict-{precision}.txt")) and os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            runs = [json.loads(line) for line in file]
        rates = {run["side"]: run["report"]["rows"][0]["windows_per_sec"] for run in runs}
        ours, theirs = rates["ours"], rates["pytorch"]
        return True, f"{ours:.1f} windows/s, PyTorch {theirs:.1f}, ratio {ours / theirs:.2f}"
    if alone:
        return True, f"{alone['windows_per_sec']:.1f} windows/s (no PyTorch here)"
    return False, "not measured"


def main():
    folder, backend, precisions = sys.argv[1], sys.argv[2], sys.argv[3].split()
    lines = [("self-test", self_test(folder, backend)), ("parity tests", tests(folder))]
    lines += [(f"parity {precision}", parity(folder, precision)) for precision in precisions]
    lines += [(f"training {precision}", speed(folder, precision)) for precision in precisions]
    print("VERDICT")
    for name, (good, words) in lines:
        print(f"  {'ok ' if good else 'BAD'}  {name:<14} {words}")
    sys.exit(0 if all(good for _, (good, _) in lines) else 1)


if __name__ == "__main__":
    main()
