#!/usr/bin/env python3
"""Prove `pytorch_losses.py` against trajectories of the reference itself.

    python pytorch_check_oracle.py ORACLE

ORACLE holds `model/` (a tiny BERT) and `trajectory/` (batches, losses and final weights of run_squad.py's optimizer).
Trajectories without gradient accumulation are rewritten in the export format and repeated, in f32 and in f64. Exits
with 1 if an f32 loss differs by more than 1e-5 relative, or in f64, where rounding hides nothing, a loss by more than
1e-9 relative or a final weight by more than 1e-8. Parameters whose exact gradient is zero (the softmax cancels them)
move by rounding noise that Adam amplifies: they are reported and not judged.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile

from safetensors.torch import load_file, save_file

from pytorch_losses import repeat
from pytorch_recipe import read_config

ARRAYS = {"input_ids": "input_ids", "segment_ids": "segment_ids", "attention_mask": "input_mask",
          "start_positions": "start_positions", "end_positions": "end_positions"}


def export(oracle, name, folder):
    """Writes trajectory `name` as an export folder; returns its report."""
    with open(os.path.join(oracle, "trajectory", f"{name}.json"), encoding="utf-8") as file:
        report = json.load(file)
    source = load_file(os.path.join(oracle, "trajectory", f"{name}_batches.safetensors"))
    batches = {
        f"{number:03}.{key}": source[array][microstep["batch"]].int().contiguous()
        for number, microstep in enumerate(report["microsteps"])
        for key, array in ARRAYS.items()
    }
    save_file(batches, os.path.join(folder, "batches.safetensors"))
    shutil.copyfile(os.path.join(oracle, "model", "tiny.safetensors"), os.path.join(folder, "start.safetensors"))
    recipe = {"learning_rate": report["lr"], "warmup": report["warmup"], "total_steps": report["t_total"]}
    with open(os.path.join(folder, "recipe.json"), "w", encoding="utf-8") as file:
        json.dump(recipe, file)
    return report


def without_true_gradient(name, layers):
    """Whether shifting the parameter shifts all inputs of a softmax alike, so that its exact gradient is zero."""
    last = f"bert.encoder.layer.{layers - 1}.output.LayerNorm.bias"
    return name.endswith("key.bias") or name in ("qa_outputs.bias", last)


def check(oracle, name, config, double):
    """Repeats one trajectory; prints the differences and returns whether they are small."""
    suffix, loss_key = ("_f64", "loss_f64") if double else ("", "loss")
    loss_limit, weight_limit = (1e-9, 1e-8) if double else (1e-5, 1e-4)
    with tempfile.TemporaryDirectory() as folder:
        report = export(oracle, name, folder)
        model, steps = repeat(folder, config, double=double)
    expected = load_file(os.path.join(oracle, "trajectory", f"{name}_final{suffix}.safetensors"))
    loss = max(abs(step["loss"] - microstep[loss_key]) / abs(microstep[loss_key])
               for step, microstep in zip(steps, report["microsteps"], strict=True))
    judged = noisy = 0.0
    for parameter, tensor in model.named_parameters():
        difference = (tensor.detach() - expected[parameter]).abs().max().item()
        if without_true_gradient(parameter, config.num_hidden_layers):
            noisy = max(noisy, difference)
        else:
            judged = max(judged, difference)
    good = loss <= loss_limit and judged <= weight_limit
    print(f"{name} f{64 if double else 32}: {len(steps)} steps, loss {loss:.2e} relative, final weights {judged:.2e} "
          f"(without true gradient: {noisy:.2e}) {'ok' if good else 'TOO FAR'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("oracle", help="folder with model/ and trajectory/")
    options = parser.parse_args()
    config = read_config(os.path.join(options.oracle, "model"), dropout=0.0)
    verdicts = [check(options.oracle, name, config, double) for name in ("plain", "beyond") for double in (False, True)]
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
