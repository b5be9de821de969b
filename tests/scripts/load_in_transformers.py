"""Loads a checkpoint directory in transformers and prints what it answers, to compare with ours.

    python tests/scripts/load_in_transformers.py DIRECTORY < inputs.json

`inputs.json`: {"input_ids": [[...], ...], "segment_ids": [[...], ...], "input_mask": [[...], ...]}, the latter two
optional. Prints one JSON object: `start_logits` and `end_logits` (one list a row), `missing` and `unexpected` (keys of
the checkpoint as transformers sees them), `tokenizer` (class, whether it lower-cases, its length and the inputs it makes). Needs torch and
transformers; nothing is downloaded.
"""

import inspect
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers


def main():
    directory = sys.argv[1]
    inputs = json.load(sys.stdin)
    model, info = transformers.AutoModelForQuestionAnswering.from_pretrained(directory, output_loading_info=True)
    model.eval()
    ids = torch.tensor(inputs["input_ids"])
    segments = torch.tensor(inputs.get("segment_ids", torch.zeros_like(ids).tolist()))
    mask = torch.tensor(inputs.get("input_mask", torch.ones_like(ids).tolist()))
    takes_segments = "token_type_ids" in inspect.signature(model.forward).parameters
    types = {"token_type_ids": segments} if takes_segments else {}
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask, **types)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    json.dump(
        {
            "start_logits": out.start_logits.tolist(),
            "end_logits": out.end_logits.tolist(),
            "missing": sorted(info["missing_keys"]),
            "unexpected": sorted(info["unexpected_keys"]),
            "tokenizer": {
                "class": type(tokenizer).__name__,
                "capitals_differ": tokenizer.tokenize("a") != tokenizer.tokenize("A"),
                "length": len(tokenizer),
                "inputs": tokenizer.model_input_names,
            },
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
