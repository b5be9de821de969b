#!/usr/bin/env python3
"""Compare two JSON results of the same request on two devices: same text, numbers within a tolerance.

    python compare_json.py cpu.json wgpu.json --tolerance 1e-3 --ignore device --ignore seconds

Structure, strings, booleans and integers must be equal; other numbers may differ by the tolerance, absolute. `--ignore`
names keys that are left out wherever they occur (timings, device names); `--head` compares only so many elements of a
list (rank 20 of two n-best lists may differ by a near-tie). Both files may hold one JSON value or one a line. Prints
the greatest difference and every disagreement with its place; exits with 1 if there is any.
"""

import argparse
import json
import math
import sys


def read(path):
    """The JSON value of a file, or the list of its lines' values."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


class Comparison:
    """Greatest difference of two values and where they disagree."""

    def __init__(self, tolerance, ignored, head=None):
        self.tolerance, self.ignored, self.head = tolerance, ignored, head
        self.greatest, self.numbers, self.disagreements = 0.0, 0, []

    def compare(self, left, right, place=""):
        """Walks two values together."""
        if isinstance(left, dict) and isinstance(right, dict):
            for key in sorted((left.keys() | right.keys()) - self.ignored):
                if key in left and key in right:
                    self.compare(left[key], right[key], f"{place}.{key}")
                else:
                    self.disagreements.append(f"{place}.{key}: only on one side")
        elif isinstance(left, list) and isinstance(right, list):
            left, right = left[:self.head], right[:self.head]
            if len(left) != len(right):
                self.disagreements.append(f"{place}: {len(left)} and {len(right)} elements")
            for number, (one, other) in enumerate(zip(left, right)):
                self.compare(one, other, f"{place}[{number}]")
        elif isinstance(left, (int, float)) and isinstance(right, (int, float)) and (
                isinstance(left, float) or isinstance(right, float)):
            difference = abs(left - right)
            self.numbers += 1
            self.greatest = max(self.greatest, difference)
            if math.isnan(difference) or difference > self.tolerance:
                self.disagreements.append(f"{place}: {left} and {right}")
        elif left != right or type(left) is not type(right):
            self.disagreements.append(f"{place}: {left!r} and {right!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--ignore", action="append", default=[], metavar="KEY")
    parser.add_argument("--head", type=int, metavar="N", help="elements of every list that are compared (default all)")
    options = parser.parse_args()
    comparison = Comparison(options.tolerance, set(options.ignore), options.head)
    comparison.compare(read(options.one), read(options.other))
    print(json.dumps({"numbers_compared": comparison.numbers, "greatest_difference": comparison.greatest,
                      "disagreements": comparison.disagreements}, ensure_ascii=False))
    sys.exit(1 if comparison.disagreements else 0)


if __name__ == "__main__":
    main()
