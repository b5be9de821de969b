#!/usr/bin/env python3
"""Fine-tune and evaluate in PyTorch on SQuAD 2.0: what a system of the usual parts reaches, in score and in speed.

    python pytorch_finetune.py --model MODEL --train train.json --dev dev.json --out report.json

The recipe is that of `pytorch_recipe.py` with windows sorted by length, batches shuffled each epoch and padded to
their longest window. Tokens come from transformers' fast tokenizer and answers are cut from the context by character
offsets, so scores are close to, and not equal to, those of run_squad.py. A yardstick, not a parity test.

With `--export FOLDER` nothing is trained: the starting weights and the first batches are written in the form that
`pytorch_losses.py` reads, so that another program can repeat the same steps.
"""

import argparse
import collections
import json
import os
import random
import re
import string
import time

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from pytorch_recipe import BertAdam, load_model, qa_logits, qa_loss, read_config

Window = collections.namedtuple("Window", "question first_piece is_max_context ids segments start end")
CLS, SEP = 101, 102
WARMUP = 0.1
N_BEST, MAX_ANSWER_LENGTH, MAX_QUERY_LENGTH = 20, 30, 64


def read_questions(path):
    """Questions in file order, each with its context; answers are `(text, first character)`."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [
        {"context": paragraph["context"], "text": question["question"],
         "answers": [(answer["text"], answer["answer_start"]) for answer in question["answers"]]}
        for article in articles for paragraph in article["paragraphs"] for question in paragraph["qas"]
    ]


def answer_pieces(offsets, answers):
    """First and last piece that overlap the first answer's characters; None without an answer."""
    if not answers:
        return None
    text, first = answers[0]
    inside = [piece for piece, (begin, end) in enumerate(offsets) if begin < first + len(text) and end > first]
    return (inside[0], inside[-1]) if inside else None


def windows_of(number, question, query, context, max_length, step):
    """Windows over one question's context, `step` pieces apart; targets are 0 where the answer is not inside."""
    room = max_length - len(query) - 3
    starts = [0]
    while starts[-1] + room < len(context.ids):
        starts.append(starts[-1] + min(room, step))
    spans = [(start, min(start + room, len(context.ids))) for start in starts]

    def is_best_home(piece, window):
        scores = [min(piece - start, end - 1 - piece) + 0.01 * (end - start) if start <= piece < end else -1.0
                  for start, end in spans]
        return scores.index(max(scores)) == window

    answer = answer_pieces(context.offsets, question["answers"])
    for window, (start, end) in enumerate(spans):
        shift = len(query) + 2
        inside = answer and start <= answer[0] and answer[1] < end
        yield Window(
            question=number, first_piece=start,
            is_max_context=[is_best_home(piece, window) for piece in range(start, end)],
            ids=[CLS, *query, SEP, *context.ids[start:end], SEP],
            segments=[0] * shift + [1] * (end - start + 1),
            start=answer[0] - start + shift if inside else 0, end=answer[1] - start + shift if inside else 0,
        )


def collate(windows):
    """Pads windows to the longest of them."""
    length = max(len(window.ids) for window in windows)

    def padded(rows):
        return torch.tensor([row + [0] * (length - len(row)) for row in rows])

    return {
        "input_ids": padded([window.ids for window in windows]),
        "segment_ids": padded([window.segments for window in windows]),
        "attention_mask": padded([[1] * len(window.ids) for window in windows]),
        "start_positions": torch.tensor([window.start for window in windows]),
        "end_positions": torch.tensor([window.end for window in windows]),
    }


def batches_of(windows, rows):
    """Windows of similar length together, shortest first."""
    windows = sorted(windows, key=lambda window: len(window.ids))
    return [windows[first:first + rows] for first in range(0, len(windows), rows)]


def best_span(window, start_logits, end_logits):
    """The best legal `(score, first piece, last piece)` of a window, context pieces; None if there is none."""
    shift, best = window.segments.index(1), None
    pieces = len(window.is_max_context)
    ends = end_logits.topk(min(N_BEST, len(end_logits))).indices.tolist()
    for start in start_logits.topk(min(N_BEST, len(start_logits))).indices.tolist():
        for end in ends:
            first, last = start - shift, end - shift
            if 0 <= first <= last < pieces and last - first < MAX_ANSWER_LENGTH and window.is_max_context[first]:
                score = (start_logits[start] + end_logits[end]).item()
                if best is None or score > best[0]:
                    best = (score, first + window.first_piece, last + window.first_piece)
    return best


def normalise(text):
    """SQuAD's comparison form: lower case, no ASCII punctuation, no articles, single spaces."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(gold, predicted):
    """Token F1 of two texts."""
    gold, predicted = normalise(gold).split(), normalise(predicted).split()
    if not gold or not predicted:
        return float(gold == predicted)
    common = sum((collections.Counter(gold) & collections.Counter(predicted)).values())
    return 2 * common / (len(gold) + len(predicted))


def exact(gold, predicted):
    """1 if two texts have the same comparison form."""
    return float(normalise(gold) == normalise(predicted))


def best_over_thresholds(records, metric):
    """Best mean score in percent over all null-score thresholds, and that threshold. Starts from all unanswered."""
    score = best = sum(not record["answers"] for record in records)
    threshold = 0.0
    for record in sorted(records, key=lambda record: record["null_margin"]):
        if record["answers"]:
            score += max(metric(text, record["prediction"]) for text, _ in record["answers"])
        elif record["prediction"]:
            score -= 1
        if score > best:
            best, threshold = score, record["null_margin"]
    return 100 * best / len(records), threshold


@torch.inference_mode()
def evaluate(model, questions, contexts, windows, rows):
    """Predicts every question and scores the predictions."""
    model.eval()
    began = time.monotonic()
    null, best = {}, {}
    for batch in batches_of(windows, rows):
        for window, start, end in zip(batch, *(logits.float() for logits in qa_logits(model, collate(batch)))):
            number = window.question
            null[number] = min(null.get(number, 1e6), (start[0] + end[0]).item())
            span = best_span(window, start, end)
            if span and (number not in best or span > best[number]):
                best[number] = span
    seconds = time.monotonic() - began
    records = []
    for number, question in enumerate(questions):
        score, first, last = best.get(number, (-1e6, 0, -1))
        offsets = contexts[question["context"]].offsets
        text = question["context"][offsets[first][0]:offsets[last][1]] if last >= 0 else ""
        records.append({"prediction": text, "null_margin": null[number] - score, "answers": question["answers"]})
    best_f1, threshold = best_over_thresholds(records, f1)
    answerable = [record for record in records if record["answers"]]
    return {
        "best_f1": best_f1, "best_f1_threshold": threshold, "best_exact": best_over_thresholds(records, exact)[0],
        "all_unanswered": 100 * (1 - len(answerable) / len(records)),
        "answerable_f1_if_always_answering": 100 / max(1, len(answerable)) * sum(
            max(f1(text, record["prediction"]) for text, _ in record["answers"]) for record in answerable),
        "windows_per_second": len(windows) / seconds,
    }


def export(folder, model, batches, options, total):
    """Writes what a training would start from and be fed, in the form of `pytorch_losses.py`."""
    os.makedirs(folder, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()},
              os.path.join(folder, "start.safetensors"))
    save_file({f"{number:03}.{key}": tensor.int() for number, windows in enumerate(batches[:options.export_steps])
               for key, tensor in collate(windows).items()}, os.path.join(folder, "batches.safetensors"))
    with open(os.path.join(folder, "recipe.json"), "w", encoding="utf-8") as file:
        json.dump({"learning_rate": options.learning_rate, "warmup": WARMUP, "total_steps": total}, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder with config.json, model.safetensors, tokenizer.json")
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev", required=True)
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument("--out", help="JSON report to write")
    output.add_argument("--export", help="folder to write the first steps to, instead of training")
    parser.add_argument("--export-steps", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-seq-length", type=int, default=384)
    parser.add_argument("--doc-stride", type=int, default=128)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bf16", action="store_true", help="train under CPU autocast: faster where the CPU has it")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random.seed(options.seed)

    tokenizer = Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    data, contexts = {}, {}
    for part, path in (("train", options.train), ("dev", options.dev)):
        questions, windows = read_questions(path), []
        for number, question in enumerate(questions):
            query = tokenizer.encode(question["text"], add_special_tokens=False).ids[:MAX_QUERY_LENGTH]
            if question["context"] not in contexts:
                contexts[question["context"]] = tokenizer.encode(question["context"], add_special_tokens=False)
            context = contexts[question["context"]]
            windows += windows_of(number, question, query, context, options.max_seq_length, options.doc_stride)
        data[part] = (questions, windows)
        print(f"{part}: {len(questions)} questions, {len(windows)} windows", flush=True)

    model = load_model(read_config(options.model), os.path.join(options.model, "model.safetensors"), attention="eager",
                       fresh_head_seed=options.seed)
    batches = batches_of(data["train"][1], options.batch)
    total = options.epochs * len(batches)
    if options.export:
        random.shuffle(batches)
        export(options.export, model, batches, options, total)
        return
    optimizer = BertAdam(model, options.learning_rate, WARMUP, total)
    report = {"options": vars(options), "train_windows": len(data["train"][1]), "dev_windows": len(data["dev"][1]),
              "losses": [], "evaluations": []}
    for epoch in range(options.epochs):
        random.shuffle(batches)
        model.train()
        began = time.monotonic()
        for number, windows in enumerate(batches):
            batch = collate(windows)
            with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
                logits = qa_logits(model, batch)
            loss = qa_loss(*logits, batch["start_positions"], batch["end_positions"])
            loss.backward()
            optimizer.step()
            report["losses"].append(loss.item())
            if number % 20 == 19:
                rate = sum(map(len, batches[:number + 1])) / (time.monotonic() - began)
                mean = sum(report["losses"][-20:]) / 20
                step = f"epoch {epoch} step {number + 1}/{len(batches)}"
                print(f"{step} loss {mean:.3f} {rate:.1f} windows/s", flush=True)
        rate = len(data["train"][1]) / (time.monotonic() - began)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            scores = evaluate(model, data["dev"][0], contexts, data["dev"][1], 32)
        report["evaluations"].append({"epoch": epoch, "train_windows_per_second": rate, **scores})
        print(json.dumps(report["evaluations"][-1]), flush=True)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
