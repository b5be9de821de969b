#!/usr/bin/env python3
"""Repeat exported optimization steps in PyTorch and write the loss of each.

    python pytorch_losses.py EXPORT --model MODEL --out losses.json

EXPORT is a folder with what the other program started from and was fed:

    recipe.json          {"learning_rate": 5e-5, "warmup": 0.1, "total_steps": 272}
                         total_steps is the length of the schedule, not the number of exported batches
    start.safetensors    the weights before the first step, Hugging Face names, the QA head included (the pooler may
                         be there or not)
    batches.safetensors  one optimization step each, in order, numbered from 000 (at least three digits):
                         000.input_ids, 000.segment_ids, 000.attention_mask: i32 [rows, length];
                         000.start_positions, 000.end_positions: i32 [rows]

MODEL is the folder whose config.json describes the architecture. Dropout is off unless `--dropout` and `--seed` say otherwise,
and then PyTorch's own, so that losses no longer agree step by step. The output is
{"steps": [{"step": 0, "loss": ..., "learning_rate": ..., "rows": ..., "length": ...}, ...], "wall_seconds": ...,
"windows_per_second": ...}; a loss is that of the batch before its update. Compare with `compare_losses.py`.
"""

import argparse
import json
import os
import time

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pytorch_recipe import BertAdam, load_model, qa_logits, qa_loss, read_config

KEYS = ("input_ids", "segment_ids", "attention_mask", "start_positions", "end_positions")


def batches(path):
    """Yields the numbered batches of a safetensors file in order, as dictionaries of tensors."""
    with safe_open(path, "pt") as file:
        numbers = {name.split(".", 1)[0] for name in file.keys()}
        for number in sorted(numbers, key=int):
            yield {key: file.get_tensor(f"{number}.{key}") for key in KEYS}


def repeat(folder, config, double=False, limit=None, on_step=None):
    """Runs the steps of an export; returns the model and one record for each step."""
    with open(os.path.join(folder, "recipe.json"), encoding="utf-8") as file:
        recipe = json.load(file)
    model = load_model(config, os.path.join(folder, "start.safetensors")).train()
    model = model.double() if double else model
    optimizer = BertAdam(model, recipe["learning_rate"], recipe["warmup"], recipe["total_steps"])
    steps = []
    for number, batch in enumerate(batches(os.path.join(folder, "batches.safetensors"))):
        if number == limit:
            break
        start_logits, end_logits = qa_logits(model, batch)
        loss = qa_loss(start_logits, end_logits, batch["start_positions"], batch["end_positions"])
        loss.backward()
        rows, length = batch["input_ids"].shape
        steps.append({"step": number, "loss": loss.item(), "learning_rate": optimizer.next_learning_rate(),
                      "rows": rows, "length": length})
        optimizer.step()
        if on_step:
            on_step(steps[-1])
    return model, steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="folder with recipe.json, start.safetensors and batches.safetensors")
    parser.add_argument("--model", required=True, help="folder with the config.json")
    parser.add_argument("--out", required=True, help="JSON file to write")
    parser.add_argument("--steps", type=int, help="stop after this many steps")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    parser.add_argument("--save-final", help="safetensors file for the weights after the last step")
    parser.add_argument("--dropout", type=float, default=0.0, help="of hidden states and attention")
    parser.add_argument("--seed", type=int, default=0, help="of that dropout")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    torch.manual_seed(options.seed)
    began = time.monotonic()
    model, steps = repeat(
        options.export, read_config(options.model, dropout=options.dropout), limit=options.steps,
        on_step=lambda step: print(f"step {step['step']:>4}  loss {step['loss']:.6f}", flush=True),
    )
    wall = time.monotonic() - began
    rate = sum(step["rows"] for step in steps) / wall
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({"steps": steps, "wall_seconds": wall, "windows_per_second": rate}, file, indent=1)
        file.write("\n")
    if options.save_final:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, options.save_final)


if __name__ == "__main__":
    main()
