"""What the scripts beside this file share: architectures, batches, timing as `spanbert bench` does it, and output.

Only the standard library and NumPy are needed here.
"""

import argparse
import datetime
import json
import os
import platform
import random
import sys
import time

DISTINCT_BATCHES = 8
"""Different batches of one length, as in `spanbert bench`."""

LONGEST_BLOCK, BLOCKS = 32, 10

BASE = {
    "vocab_size": 28996, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
NAMED = {
    "base": {},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    "minilm": {"vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
               "intermediate_size": 1536},
}


def architecture(name):
    """Sizes of a BERT: base, large, minilm, a config.json or its folder."""
    if name in NAMED:
        return {**BASE, **NAMED[name]}
    path = os.path.join(name, "config.json") if os.path.isdir(name) else name
    with open(path, encoding="utf-8") as file:
        fields = json.load(file)
    return {key: fields[key] if fields.get(key) is not None else value for key, value in BASE.items()}


def speed_arguments(description, batch, devices=("cpu", "cuda")):
    """The flags that `spanbert bench train` and `infer` have too."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--config", default="base", help="base, large, minilm, a config.json or its folder")
    parser.add_argument("--model", help="checkpoint folder whose weights are used; without it they are random")
    parser.add_argument("--device", default="cpu", choices=devices)
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16", "fp16", "int8"])
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--length", default="384", help="word pieces of a window; several with commas")
    parser.add_argument("--shapes", help="report of `spanbert bench` whose `squad` row's shapes are repeated")
    parser.add_argument("--pad-to", type=int, help="pad every batch of --shapes to this length")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--block-steps", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", help="write the JSON into this file as well")
    return parser


def workloads(options):
    """For each length its name and the (rows, length) of every step."""
    if options.shapes:
        with open(options.shapes, encoding="utf-8") as file:
            row = next(row for row in json.load(file)["rows"] if row["length"] == "squad")
        # Where all steps have one shape, the report does not repeat it.
        one = f"{row['batch']}x{row['padded_tokens'] // row['windows']}"
        shapes = [tuple(int(side) for side in shape.split("x")) for shape in row.get("shapes") or [one] * row["steps"]]
        if options.pad_to:
            shapes = [(rows, options.pad_to) for rows, _ in shapes]
        # Word pieces without padding are those of the report, whatever the padding.
        return [("squad", shapes[: options.steps], row["tokens"] / row["windows"])]
    lengths = [int(length) for length in options.length.split(",")]
    return [(str(length), [(options.batch, length)] * options.steps, float(length)) for length in lengths]


class Batches:
    """Random batches of any shape, several of each, made before they are needed."""

    def __init__(self, vocab_size, seed):
        import numpy

        self.numpy, self.vocab_size = numpy, vocab_size
        self.generator = numpy.random.default_rng(seed)
        self.made = {}

    def of(self, rows, length, number):
        """Ids, segments, mask (all 1) as int64 `[rows, length]`, starts and ends `[rows]`."""
        made = self.made.setdefault((rows, length), [])
        if len(made) < DISTINCT_BATCHES:
            made.append(self.make(rows, length))
        return made[number % len(made)]

    def make(self, rows, length):
        numpy = self.numpy
        document = min(max(length // 8, 3), length - 2)
        segments = numpy.zeros((rows, length), dtype="int64")
        segments[:, document:] = 1
        starts = self.generator.integers(document, length - 1, rows)
        return {
            "input_ids": self.generator.integers(1, self.vocab_size, (rows, length)),
            "token_type_ids": segments,
            "attention_mask": numpy.ones((rows, length), dtype="int64"),
            "start_positions": starts,
            "end_positions": numpy.minimum(starts + 2, length - 2),
        }


def forward_flops(config, rows, length):
    """The formula of `spanbert bench` (core/src/bench/flops.rs)."""
    hidden, wide, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    weights = layers * (4 * hidden * hidden + 2 * hidden * wide) + 2 * hidden
    return rows * length * (2 * weights + 4 * layers * length * hidden)


def measure(step, wait, name, shapes, tokens_per_window, flops, options, device_bytes=lambda: None):
    """One row: warm-up of every shape, then blocks of steps with one wait at the end of each."""
    begun = time.perf_counter()
    distinct = sorted(set(shapes), key=lambda shape: -shape[0] * shape[1])
    warm = distinct + shapes[: max(0, options.warmup - len(distinct))]
    first_step = None
    for number, (rows, length) in enumerate(warm):
        step(rows, length, number)
        if first_step is None:
            wait()
            first_step = time.perf_counter() - begun
    wait()
    warmup = time.perf_counter() - begun
    block = options.block_steps or min(-(-len(shapes) // BLOCKS), LONGEST_BLOCK)
    block_ms, total = [], 0.0
    for first in range(0, len(shapes), block):
        part = shapes[first : first + block]
        begun = time.perf_counter()
        for number, (rows, length) in enumerate(part, first):
            step(rows, length, number)
        wait()
        secs = time.perf_counter() - begun
        total += secs
        block_ms.append(secs * 1e3 / len(part))
    windows = sum(rows for rows, _ in shapes)
    padded = sum(rows * length for rows, length in shapes)
    return {
        "length": name, "batch": max(rows for rows, _ in shapes), "steps": len(shapes), "block_steps": block,
        "windows_per_sec": windows / total, "tokens_per_sec": windows * tokens_per_window / total,
        "padded_tokens_per_sec": padded / total, "step_ms": summary(block_ms),
        "model_tflops_per_sec": sum(flops(rows, length) for rows, length in shapes) / total / 1e12,
        "peak_device_bytes": device_bytes(), "peak_host_bytes": peak_host_bytes(), "first_step_secs": first_step,
        "warmup_steps": len(warm), "warmup_secs": warmup, "measured_secs": total, "windows": windows,
        "padded_tokens": padded,
    }


def summary(values):
    """Median, least and 90th percentile."""
    ordered = sorted(values)

    def percentile(share):
        position = share * (len(ordered) - 1)
        below = int(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (position - below)

    return {"median": percentile(0.5), "min": ordered[0], "p90": percentile(0.9)}


def peak_host_bytes():
    """The most memory this process has had resident."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def environment(**more):
    """With what something was measured."""
    return {
        "python": platform.python_version(), "platform": f"{platform.system().lower()} {platform.machine()}",
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "command": sys.argv,
        **more,
    }


def report(what, implementation, surroundings, rows, output=None, **more):
    """Prints one JSON object, and writes it into a file if one is named."""
    text = json.dumps({"bench": what, "implementation": implementation, "environment": surroundings, **more,
                       "rows": rows})
    if output:
        os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
        with open(output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)


def read_safetensors(path):
    """Name to NumPy array of an f32 or f16 safetensors file: eight bytes of length, a JSON head, the values."""
    import numpy

    kinds = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
    with open(path, "rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    return {
        name: numpy.frombuffer(body, kinds[entry["dtype"]], offset=entry["data_offsets"][0],
                               count=max(1, (entry["data_offsets"][1] - entry["data_offsets"][0])
                                         // numpy.dtype(kinds[entry["dtype"]]).itemsize)).reshape(entry["shape"])
        for name, entry in head.items() if name != "__metadata__"
    }


def shuffled(items, seed):
    """A copy in random order."""
    items = list(items)
    random.Random(seed).shuffle(items)
    return items
