#!/usr/bin/env python3
"""Answering speed of BERT in PyTorch, to set beside `spanbert bench infer`.

    python pytorch_infer.py --config base --batch 1 --length 384 --device cpu --threads 2

Every step ends with the logits on the host, as ours does. One JSON object on standard output, under the names of
`spanbert bench`.
"""

import torch

import torch_bert
from common import Batches, environment, forward_flops, measure, report, speed_arguments, workloads


def main():
    parser = speed_arguments(__doc__, batch=8)
    torch_bert.add_arguments(parser)
    options = parser.parse_args()
    model, config, implementation = torch_bert.build(options)
    model.eval()
    batches, move = Batches(config["vocab_size"], options.seed), torch_bert.mover(options)

    def step(rows, length, number):
        batch = move(batches.of(rows, length, number))
        del batch["start_positions"], batch["end_positions"]
        with torch.inference_mode(), torch_bert.autocast(options):
            start, end = model(**batch)
            torch.stack([start, end]).float().cpu()

    rows = [
        measure(step, torch_bert.waiter(options), name, shapes, tokens,
                lambda rows, length: forward_flops(config, rows, length), options, torch_bert.device_bytes(options))
        for name, shapes, tokens in workloads(options)
    ]
    report("infer", f"pytorch ({implementation})", environment(**torch_bert.surroundings(options)), rows,
           options.output, precision=options.precision, tf32=options.device == "cuda" and not options.no_tf32,
           compiled=options.compile, model={"name": options.model or options.config, **config})


if __name__ == "__main__":
    main()
