#!/usr/bin/env python3
"""Fine-tuning speed of BERT in PyTorch, to set beside `spanbert bench train`.

    python pytorch_train.py --config base --batch 32 --length 128,384 --device cuda --precision bf16

Autocast, sdpa attention, AdamW (fused on CUDA), gradients clipped by their global norm, no wait for the device but at
the ends of blocks. `--shapes FILE` repeats the batches of a report of ours, in the same order. One JSON object on
standard output, under the names of `spanbert bench`.
"""

import torch
from torch.nn import functional

import torch_bert
from common import Batches, environment, forward_flops, measure, report, speed_arguments, workloads


def arguments():
    parser = speed_arguments(__doc__, batch=32)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--dropout", type=float)
    torch_bert.add_arguments(parser)
    return parser.parse_args()


def optimizer_for(model, options):
    """AdamW as run_qa.py sets it up: no decay for biases and LayerNorm."""
    plain = [weight for name, weight in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    kept = {id(weight) for weight in plain}
    decayed = [weight for weight in model.parameters() if id(weight) not in kept]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=2e-5, fused=options.device == "cuda" or None)


def main():
    options = arguments()
    model, config, implementation = torch_bert.build(options, options.dropout)
    model.train()
    optimizer = optimizer_for(model, options)
    # Half precision needs a scaled loss; bf16 does not.
    scaler = torch.amp.GradScaler(options.device, enabled=options.precision == "fp16")
    batches, move = Batches(config["vocab_size"], options.seed), torch_bert.mover(options)
    last = {}

    def step(rows, length, number):
        batch = move(batches.of(rows, length, number))
        part = options.micro_batch or rows
        for first in range(0, rows, part):
            rows_of_part = {name: tensor[first : first + part] for name, tensor in batch.items()}
            starts, ends = rows_of_part.pop("start_positions"), rows_of_part.pop("end_positions")
            with torch_bert.autocast(options):
                start, end = model(**rows_of_part)
                loss = functional.cross_entropy(start.float(), starts, reduction="sum")
                loss = (loss + functional.cross_entropy(end.float(), ends, reduction="sum")) / (2 * rows)
            scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        last["loss"] = loss.detach()

    rows = []
    for name, shapes, tokens in workloads(options):
        row = measure(step, torch_bert.waiter(options), name, shapes, tokens,
                      lambda rows, length: 3 * forward_flops(config, rows, length), options,
                      torch_bert.device_bytes(options))
        rows.append({**row, "micro_batch": options.micro_batch or row["batch"], "last_loss": float(last["loss"])})
    report("train", f"pytorch ({implementation})", environment(**torch_bert.surroundings(options)), rows,
           options.output, precision=options.precision, tf32=options.device == "cuda" and not options.no_tf32,
           compiled=options.compile, model={"name": options.model or options.config, **config})


if __name__ == "__main__":
    main()
