#!/usr/bin/env python3
"""Speed of the fast tokenizer path from a SQuAD file to windows, to set beside `spanbert bench preprocess`.

    python tokenizers_preprocess.py --data dev-v2.0.json --vocab vocab.txt --cased [--training]

What transformers' run_qa.py does with a file: thousand questions at a time, question and context through the fast
tokenizer with `truncation="only_second"`, overlapping windows and character offsets; then, with `--training`, the
positions of the answer's first and last piece in every window, else offsets of the context only. Its `--stride` is the
overlap of two windows, ours the step from one to the next: compare questions, windows and pieces a second. One JSON
object on standard output, under the names of `spanbert bench`.
"""

import argparse
import json
import time

import tokenizers
import transformers

from common import environment, peak_host_bytes, report, summary

BATCH = 1000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", help="checkpoint folder whose tokenizer is used")
    source.add_argument("--vocab", help="a vocab.txt")
    parser.add_argument("--cased", action="store_true", help="text is not lower-cased (with --vocab)")
    parser.add_argument("--training", action="store_true", help="with answer positions")
    parser.add_argument("--max-seq-length", type=int, default=384)
    parser.add_argument("--stride", type=int, default=128, help="overlap of two windows")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output")
    return parser.parse_args()


def read(path):
    """Questions in file order: question, context, first answer's text and first character (None without one)."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [
        (question["question"].lstrip(), paragraph["context"],
         next(((answer["text"], answer["answer_start"]) for answer in question.get("answers", [])), None))
        for article in articles for paragraph in article["paragraphs"] for question in paragraph["qas"]
    ]


def target(offsets, sequence, answer):
    """First and last piece of the answer in a window; 0 and 0 where it is not wholly inside."""
    if answer is None:
        return 0, 0
    begin, end = answer[1], answer[1] + len(answer[0])
    first, last = sequence.index(1), len(sequence) - 1
    while sequence[last] != 1:
        last -= 1
    if offsets[first][0] > begin or offsets[last][1] < end:
        return 0, 0
    while first < len(offsets) and offsets[first][0] <= begin:
        first += 1
    while offsets[last][1] >= end:
        last -= 1
    return first - 1, last + 1


def windows(questions, tokenizer, options):
    """All windows of the questions, and seconds spent in the tokenizer itself."""
    made, tokenizer_secs = [], 0.0
    for first in range(0, len(questions), BATCH):
        part = questions[first : first + BATCH]
        begun = time.perf_counter()
        encoded = tokenizer(
            [question for question, _, _ in part], [context for _, context, _ in part], truncation="only_second",
            max_length=options.max_seq_length, stride=options.stride, return_overflowing_tokens=True,
            return_offsets_mapping=True, padding=False,
        )
        tokenizer_secs += time.perf_counter() - begun
        owners, offsets = encoded["overflow_to_sample_mapping"], encoded["offset_mapping"]
        for index, ids in enumerate(encoded["input_ids"]):
            sequence = encoded.sequence_ids(index)
            if options.training:
                extra = target(offsets[index], sequence, part[owners[index]][2])
            else:
                extra = [offset if part_of == 1 else None for offset, part_of in zip(offsets[index], sequence)]
            made.append((first + owners[index], ids, encoded["token_type_ids"][index], extra))
    return made, tokenizer_secs


def main():
    options = arguments()
    if options.model:
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.model, use_fast=True)
    else:
        tokenizer = transformers.BertTokenizerFast(vocab=options.vocab, vocab_file=options.vocab,
                                                   do_lower_case=not options.cased)
    if not tokenizer.is_fast:
        raise SystemExit("this is not the fast tokenizer")
    # The reading of long contexts is what is measured, not warnings about them.
    transformers.logging.set_verbosity_error()
    secs = {name: [] for name in ("read_secs", "prepare_secs", "tokenizer_secs", "total_secs")}
    for _ in range(options.runs):
        begun = time.perf_counter()
        questions = read(options.data)
        between = time.perf_counter()
        made, tokenizer_secs = windows(questions, tokenizer, options)
        done = time.perf_counter()
        for name, value in zip(secs, (between - begun, done - between, tokenizer_secs, done - begun)):
            secs[name].append(value)
        counts = {"questions": len(questions), "windows": len(made), "pieces": sum(len(ids) for _, ids, *_ in made)}
        del made
    row = {"targets": options.training, "runs": options.runs, **counts,
           **{name: summary(values) for name, values in secs.items()}, "peak_host_bytes": peak_host_bytes()}
    for name in ("questions", "windows", "pieces"):
        row[f"{name}_per_sec"] = row[name] / row["prepare_secs"]["median"]
    report("preprocess", "tokenizers",
           environment(transformers=transformers.__version__, tokenizers=tokenizers.__version__), [row],
           options.output, data=options.data, max_seq_length=options.max_seq_length, stride=options.stride)


if __name__ == "__main__":
    main()
