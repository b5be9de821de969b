#!/usr/bin/env python3
"""Fine-tunes in PyTorch on windows made by `spanbert features`, and writes the logits of a development set.

    spanbert features --training --data train.json --model MODEL > train.jsonl
    spanbert features --data dev.json --model MODEL > dev.jsonl
    python pytorch_finetune.py --model MODEL --windows train.jsonl --dev-windows dev.jsonl --logits OUT --seed 1
    spanbert bench postprocess --data dev.json --model MODEL --logits OUT-epoch-1.npy --json

The same windows and the same scoring on both sides: what differs is the training. AdamW with a linear schedule, batches
of windows of like length in random order, as ours. Needs torch and NumPy. The logits of a development set are written
after every epoch, the positions beyond a window's batch as -10000. One JSON object on standard output.
"""

import argparse
import json
import time

import numpy
import torch
from torch.nn import functional

import torch_bert
from common import environment, report, shuffled

WARMUP, FAR_BELOW = 0.1, -10000.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "windows", "dev-windows", "logits"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="bf16", choices=["f32", "bf16"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--length-multiple", type=int, default=64)
    parser.add_argument("--max-seq-length", type=int, default=384)
    parser.add_argument("--steps", type=int, help="no more than these in an epoch, to try the script out")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output")
    torch_bert.add_arguments(parser)
    return parser.parse_args()


def read(path):
    """Ids, length of the first segment, start and end of every window, in file order."""
    windows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            windows.append((numpy.array(fields["input_ids"], dtype="int32"), fields["segment_lengths"][0],
                            fields["start_position"] or 0, fields["end_position"] or 0))
    return windows


def collate(windows, options):
    """One padded batch as NumPy arrays."""
    longest = max(len(window[0]) for window in windows)
    length = max(longest, min(-(-longest // options.length_multiple) * options.length_multiple,
                              options.max_seq_length))
    batch = {name: numpy.zeros((len(windows), length), dtype="int64")
             for name in ("input_ids", "token_type_ids", "attention_mask")}
    for row, (ids, first_segment, _, _) in enumerate(windows):
        batch["input_ids"][row, : len(ids)] = ids
        batch["token_type_ids"][row, first_segment : len(ids)] = 1
        batch["attention_mask"][row, : len(ids)] = 1
    for side, column in (("start_positions", 2), ("end_positions", 3)):
        batch[side] = numpy.array([min(window[column], length - 1) for window in windows], dtype="int64")
    return batch


def batches_of(windows, size):
    """Windows sorted by length and cut; numbers of windows."""
    order = sorted(range(len(windows)), key=lambda index: len(windows[index][0]))
    return [order[first : first + size] for first in range(0, len(order), size)]


def train_epoch(model, windows, order, step, move, options):
    for numbers in order:
        batch = move(collate([windows[number] for number in numbers], options))
        starts, ends = batch.pop("start_positions"), batch.pop("end_positions")
        with torch_bert.autocast(options):
            start, end = model(**batch)
        loss = functional.cross_entropy(start.float(), starts) + functional.cross_entropy(end.float(), ends)
        (loss / 2).backward()
        step()
    return float(loss) / 2


def write_logits(model, windows, path, move, options):
    """`[windows, 2, length]` in the order of the windows."""
    logits = numpy.full((len(windows), 2, options.max_seq_length), FAR_BELOW, dtype="<f4")
    model.eval()
    with torch.inference_mode():
        for numbers in batches_of(windows, 4 * options.batch):
            batch = move(collate([windows[number] for number in numbers], options))
            del batch["start_positions"], batch["end_positions"]
            with torch_bert.autocast(options):
                start, end = model(**batch)
            both = torch.stack([start, end], 1).float().cpu().numpy()
            logits[numbers, :, : both.shape[2]] = both
    model.train()
    numpy.save(path, logits)


def main():
    options = arguments()
    windows, dev = read(options.windows), read(options.dev_windows)
    options.config = None
    model, _, implementation = torch_bert.build(options)
    move = torch_bert.mover(options)
    batches = batches_of(windows, options.batch)
    batches = shuffled(batches, options.seed)[: options.steps] if options.steps else batches
    total = len(batches) * options.epochs
    plain = [weight for name, weight in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    known = {id(weight) for weight in plain}
    decayed = [weight for weight in model.parameters() if id(weight) not in known]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=options.learning_rate, fused=options.device == "cuda" or None,
    )

    def rate(done):
        share = done / total
        return share / WARMUP if share < WARMUP else (1 - share) / (1 - WARMUP)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    def step():
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)

    model.train()
    rows = []
    for epoch in range(1, options.epochs + 1):
        begun = time.perf_counter()
        loss = train_epoch(model, windows, shuffled(batches, options.seed + epoch), step, move, options)
        torch_bert.waiter(options)()
        trained = time.perf_counter()
        path = f"{options.logits}-epoch-{epoch}.npy"
        write_logits(model, dev, path, move, options)
        rows.append({"epoch": epoch, "train_secs": trained - begun, "dev_secs": time.perf_counter() - trained,
                     "windows_per_sec": sum(map(len, batches)) / (trained - begun), "last_loss": loss,
                     "logits": path})
    report("finetune", f"pytorch ({implementation})", environment(**torch_bert.surroundings(options)), rows,
           options.output, precision=options.precision, batch=options.batch, seed=options.seed,
           learning_rate=options.learning_rate, windows=len(windows), dev_windows=len(dev))


if __name__ == "__main__":
    main()
