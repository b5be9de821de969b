"""t0, c and B of an update, from the records of runs: fit.py OUT SHAPE WEIGHTS ROWS…; see ../workers.sh."""

import json
import statistics
import struct
import sys

# Updates at the beginning that are not counted: memory is touched for the first time.
SKIPPED = 2


def steps(run):
    with open(f"{run}/events.jsonl", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [record for record in records if record.get("event", record.get("type")) == "step"]


def update_secs(found):
    """Mean. Several updates may be reported together, with one time."""
    elapsed = [step["elapsed_secs"] for step in found]
    begun = max(at for at, secs in enumerate(elapsed) if secs == elapsed[SKIPPED - 1])
    return (elapsed[-1] - elapsed[begun]) / (len(elapsed) - 1 - begun)


def gradient_bytes(weights):
    """Of all tensors of a checkpoint's encoder, in single precision; the head that is trained is a few kilobytes more."""
    with open(weights, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__" and not name.startswith("cls."):
            count = 1
            for size in tensor["shape"]:
                count *= size
            total += 4 * count
    return total


def line_through(points):
    """Least squares: intercept and slope."""
    mean_x = statistics.mean(x for x, _ in points)
    mean_y = statistics.mean(y for _, y in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return mean_y - slope * mean_x, slope


def main():
    out, shape, weights, *rows = sys.argv[1:]
    rows = [int(row) for row in rows]
    alone = [(row, update_secs(steps(f"{out}/times-{shape}-1-{row}"))) for row in rows]
    start, per_row = line_through(alone)
    largest = rows[-1]
    pair = steps(f"{out}/times-{shape}-2-{largest}")
    exchange = statistics.median(step["workers"]["exchange_secs"] for step in pair[SKIPPED:])
    wait = statistics.median(max(step["workers"]["wait_secs"]) for step in pair[SKIPPED:])
    size = gradient_bytes(weights)
    expected = start + per_row * largest / 2 + exchange
    measured = update_secs(pair)
    beside = statistics.mean(update_secs(steps(f"{out}/times-{shape}-beside-{core}")) for core in (0, 1))
    print(f"{shape}: gradients {size / 1e6:.1f} MB")
    for row, secs in alone:
        print(f"  1 worker,  {row:3} rows: {secs * 1e3:8.1f} ms (line: {(start + per_row * row) * 1e3:.1f})")
    print(f"  t0 {start * 1e3:.1f} ms, c {per_row * 1e3:.2f} ms a row")
    print(f"  2 workers, {largest:3} rows: {measured * 1e3:8.1f} ms (expected {expected * 1e3:.1f})")
    print(f"  2 alone side by side, {largest // 2} rows each: {beside * 1e3:.1f} ms (with the exchange {(beside + exchange) * 1e3:.1f})")
    print(f"  exchange {exchange * 1e3:.1f} ms, longest wait {wait * 1e3:.1f} ms, B {size / exchange / 1e9:.2f} GB/s")


main()
