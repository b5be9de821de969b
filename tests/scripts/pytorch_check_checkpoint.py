#!/usr/bin/env python3
"""Load a checkpoint folder with transformers' Auto classes and compare its logits with given ones.

    python pytorch_check_checkpoint.py CHECKPOINT [--expected logits.safetensors] [--write-expected logits.safetensors]

`--expected` holds input_ids, segment_ids and attention_mask (integers, [rows, length]) and start_logits and end_logits
(f32, [rows, length]) of the program that wrote the checkpoint; a `.json` file may hold the same as nested lists. The
logits at padded positions are compared as well. Without `--expected` the folder is only loaded, its tokenizer is used
on a question and the answer is printed. Exits with 1 on a parameter that the folder lacks or that the model does not
know (a pooler aside), on a tokenizer that disagrees with vocab.txt, or on logits further apart than the tolerance.
"""

import argparse
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

QUESTION = "Who opened the library?"
PASSAGE = "In 1932 the mayor of Ashford, Ellen Marsh, opened the first public library of the town."
LOGITS = ("start_logits", "end_logits")


def read_expected(path):
    """Arrays of a safetensors or JSON file, by name."""
    if not path.endswith(".json"):
        return load_file(path)
    with open(path, encoding="utf-8") as file:
        return {name: torch.tensor(values) for name, values in json.load(file).items()}


def load(folder):
    """Model in f32 without dropout, and a list of complaints about its parameters.

    A pooler is no complaint: run_squad.py saves the one it never uses, and transformers leaves it out.
    """
    model, report = AutoModelForQuestionAnswering.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    complaints = []
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        names = sorted(name for name in map(str, report.get(kind, ())) if not name.startswith("bert.pooler."))
        if names:
            complaints.append(f"{kind}: {names}")
    return model.eval(), complaints


@torch.inference_mode()
def logits_of(model, arrays):
    """Start and end logits of rows given as integer arrays."""
    output = model(input_ids=arrays["input_ids"].long(), token_type_ids=arrays["segment_ids"].long(),
                   attention_mask=arrays["attention_mask"].long())
    return {name: getattr(output, name) for name in LOGITS}


def check_tokenizer(folder, tokenizer, vocabulary_size):
    """Complaints about a tokenizer that does not fit vocab.txt or the model."""
    complaints = []
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as file:
        pieces = file.read().split("\n")
    pieces = pieces[:-1] if pieces[-1] == "" else pieces
    if len(tokenizer) != len(pieces):
        complaints.append(f"the tokenizer has {len(tokenizer)} pieces, vocab.txt {len(pieces)}")
    if len(pieces) > vocabulary_size:
        complaints.append(f"vocab.txt has {len(pieces)} pieces, the embedding {vocabulary_size} rows")
    wrong = [piece for number, piece in enumerate(pieces) if tokenizer.convert_tokens_to_ids(piece) != number]
    if wrong:
        complaints.append(f"{len(wrong)} pieces have another number, first {wrong[0]!r}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="folder with config.json, model.safetensors, vocab.txt")
    parser.add_argument("--expected", help="inputs and logits of the other program (.safetensors or .json)")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="greatest absolute difference (default 1e-4)")
    parser.add_argument("--write-expected", help="write inputs and transformers' logits of a built-in question here")
    options = parser.parse_args()

    model, complaints = load(options.checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    complaints += check_tokenizer(options.checkpoint, tokenizer, model.config.vocab_size)

    encoded = tokenizer(QUESTION, PASSAGE, return_tensors="pt", truncation="only_second",
                        max_length=model.config.max_position_embeddings)
    arrays = {"input_ids": encoded["input_ids"], "segment_ids": encoded["token_type_ids"],
              "attention_mask": encoded["attention_mask"]}
    logits = logits_of(model, arrays)
    start, end = (logits[name][0].argmax().item() for name in LOGITS)
    report = {"parameters": sum(parameter.numel() for parameter in model.parameters()),
              "lower_case": tokenizer.tokenize("Ashford") == tokenizer.tokenize("ashford"),
              "pieces": tokenizer.convert_ids_to_tokens(arrays["input_ids"][0].tolist()),
              "greedy_answer": tokenizer.decode(arrays["input_ids"][0, start:end + 1])}
    if options.write_expected:
        save_file({name: tensor.contiguous() for name, tensor in {**arrays, **logits}.items()}, options.write_expected)
    if options.expected:
        expected = read_expected(options.expected)
        found = logits_of(model, expected)
        differences = {name: (found[name] - expected[name]).abs().max().item() for name in LOGITS}
        report |= {"shape": list(expected["input_ids"].shape), "max_abs_difference": differences}
        # A NaN compares as neither greater nor smaller: ask for what is good.
        if not all(difference <= options.tolerance for difference in differences.values()):
            complaints.append(f"logits differ by {max(differences.values())}, more than {options.tolerance}")
    report["complaints"] = complaints
    print(json.dumps(report, ensure_ascii=False, indent=1))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
