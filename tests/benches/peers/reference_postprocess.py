#!/usr/bin/env python3
"""Speed of run_squad.py's way from logits to scores in Python, to set beside `spanbert bench postprocess`.

    spanbert features --data dev-v2.0.json --vocab vocab.txt > windows.jsonl
    spanbert bench postprocess --data dev-v2.0.json --vocab vocab.txt --save-logits logits.npy
    python reference_postprocess.py --data dev-v2.0.json --vocab vocab.txt --windows windows.jsonl --logits logits.npy

A re-implementation of its behaviour (n-best lists, texts recovered from the context, scores and best thresholds), with
the same work in the same places and lists of Python numbers throughout, as there. Scores are printed so that they can
be compared with ours. NumPy reads the logits; the rest is the standard library. SQuAD 2.0 only. One JSON object on
standard output, under the names of `spanbert bench`.
"""

import argparse
import collections
import json
import math
import re
import string
import time

import numpy

from basic_tokenizer import tokenize
from common import environment, peak_host_bytes, report, summary

Pair = collections.namedtuple("Pair", "window start end start_logit end_logit")
Entry = collections.namedtuple("Entry", "text start_logit end_logit")
Window = collections.namedtuple("Window", "tokens to_word is_max_context")
BLANKS = " \t\r\n\u202f"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "vocab", "windows", "logits"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--do-lower-case", action="store_true")
    parser.add_argument("--n-best-size", type=int, default=20)
    parser.add_argument("--max-answer-length", type=int, default=30)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--predictions", help="write the answers before any threshold into this file")
    parser.add_argument("--output")
    return parser.parse_args()


def words_of(context):
    """A context cut at the reference's white space."""
    words, fresh = [], True
    for character in context:
        if character in BLANKS:
            fresh = True
        elif fresh:
            words.append(character)
            fresh = False
        else:
            words[-1] += character
    return words


def read_questions(path):
    """Id, words and gold answers of every question."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    questions = []
    for article in articles:
        for paragraph in article["paragraphs"]:
            words = words_of(paragraph["context"])
            for question in paragraph["qas"]:
                questions.append((question["id"], words, [answer["text"] for answer in question["answers"]]))
    return questions


def read_windows(path, vocab):
    """The windows of every question, by its number, each with its row in the logits."""
    by_question = collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for row, line in enumerate(file):
            fields = json.loads(line)
            first = fields["first_doc_token"]
            window = Window(
                [vocab[piece] for piece in fields["input_ids"]],
                {first + index: word for index, word in enumerate(fields["token_to_orig"])},
                {first + index: flag == "1" for index, flag in enumerate(fields["token_is_max_context"])},
            )
            by_question[fields["example_index"]].append((row, window))
    return by_question


def highest(logits, count):
    """Positions of the highest logits; equal ones keep their order."""
    ranked = sorted(enumerate(logits), key=lambda pair: pair[1], reverse=True)
    return [position for position, _ in ranked[:count]]


def squeezed(text):
    """A text without blanks, and where each of its characters came from."""
    places = [index for index, character in enumerate(text) if character != " "]
    return "".join(text[index] for index in places), places


def final_text(answer, original, lower_case):
    """The part of the original words that the answer's pieces stand for; all of them where that cannot be told."""
    tokens = " ".join(tokenize(original, lower_case))
    start = tokens.find(answer)
    if start == -1:
        return original
    end = start + len(answer) - 1
    bare_original, original_places = squeezed(original)
    bare_tokens, token_places = squeezed(tokens)
    if len(bare_original) != len(bare_tokens):
        return original
    at = {place: index for index, place in enumerate(token_places)}
    if start not in at or end not in at:
        return original
    return original[original_places[at[start]] : original_places[at[end]] + 1]


def candidates(windows, options):
    """All pairs that may be an answer, the null pair among them, and the null score."""
    pairs, null_score, null = [], 1000000, Pair(0, 0, 0, 0, 0)
    for number, (window, starts, ends) in enumerate(windows):
        best_starts, best_ends = highest(starts, options.n_best_size), highest(ends, options.n_best_size)
        if starts[0] + ends[0] < null_score:
            null_score = starts[0] + ends[0]
            null = Pair(number, 0, 0, starts[0], ends[0])
        for start in best_starts:
            for end in best_ends:
                if start >= len(window.tokens) or end >= len(window.tokens):
                    continue
                if start not in window.to_word or end not in window.to_word:
                    continue
                if not window.is_max_context.get(start, False) or end < start:
                    continue
                if end - start + 1 > options.max_answer_length:
                    continue
                pairs.append(Pair(number, start, end, starts[start], ends[end]))
    pairs.append(null)
    pairs.sort(key=lambda pair: pair.start_logit + pair.end_logit, reverse=True)
    return pairs, null_score, null


def text_of(pair, window, words, lower_case):
    """The answer as it stands in the context."""
    pieces = " ".join(window.tokens[pair.start : pair.end + 1]).replace(" ##", "").replace("##", "")
    original = " ".join(words[window.to_word[pair.start] : window.to_word[pair.end] + 1])
    return final_text(" ".join(pieces.split()), original, lower_case)


def answer(words, windows, options):
    """N-best list with probabilities, best text, and how much likelier no answer is."""
    pairs, null_score, null = candidates(windows, options)
    entries, seen = [], set()
    for pair in pairs:
        if len(entries) >= options.n_best_size:
            break
        text = ""
        if pair.start > 0:
            text = text_of(pair, windows[pair.window][0], words, options.do_lower_case)
            if text in seen:
                continue
        seen.add(text)
        entries.append(Entry(text, pair.start_logit, pair.end_logit))
    if "" not in seen:
        entries.append(Entry("", null.start_logit, null.end_logit))
    if len(entries) == 1:
        entries.insert(0, Entry("empty", 0.0, 0.0))
    scores = [entry.start_logit + entry.end_logit for entry in entries]
    highest_score = max(scores)
    weights = [math.exp(score - highest_score) for score in scores]
    total = sum(weights)
    probabilities = [weight / total for weight in weights]
    best = next(entry for entry in entries if entry.text)
    return list(zip(entries, probabilities)), best.text, null_score - best.start_logit - best.end_logit


def normalised(text):
    """As the official script compares answers."""
    marks = set(string.punctuation)
    text = "".join(character for character in text.lower() if character not in marks)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1_of(gold, found):
    gold, found = normalised(gold).split(), normalised(found).split()
    common = sum((collections.Counter(gold) & collections.Counter(found)).values())
    if not gold or not found:
        return float(gold == found)
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def best_threshold(texts, scores, odds, has_answer):
    """The best score over all thresholds, and the threshold."""
    current = best = sum(not has for has in has_answer.values())
    threshold = 0.0
    for key in sorted(odds, key=odds.get):
        if has_answer[key]:
            current += scores[key]
        elif texts[key]:
            current -= 1
        if current > best:
            best, threshold = current, odds[key]
    return 100.0 * best / len(scores), threshold


def evaluate(questions, texts, odds):
    """The scores that run_squad.py reports."""
    exact, f1, has_answer = {}, {}, {}
    for key, _, golds in questions:
        has_answer[key] = bool(golds)
        golds = [gold for gold in golds if normalised(gold)] or [""]
        exact[key] = max(float(normalised(gold) == normalised(texts[key])) for gold in golds)
        f1[key] = max(f1_of(gold, texts[key]) for gold in golds)

    def at_threshold(scores):
        return {key: float(not has_answer[key]) if odds[key] > 1.0 else score for key, score in scores.items()}

    def mean(scores, keep):
        kept = [score for key, score in scores.items() if keep(key)]
        return 100.0 * sum(kept) / len(kept) if kept else None

    exact_at, f1_at = at_threshold(exact), at_threshold(f1)
    parts = {"": lambda key: True, "HasAns_": lambda key: has_answer[key], "NoAns_": lambda key: not has_answer[key]}
    result = {"total": len(questions)}
    for prefix, keep in parts.items():
        result[prefix + "exact"], result[prefix + "f1"] = mean(exact_at, keep), mean(f1_at, keep)
    result["best_exact"], result["best_exact_thresh"] = best_threshold(texts, exact, odds, has_answer)
    result["best_f1"], result["best_f1_thresh"] = best_threshold(texts, f1, odds, has_answer)
    return result


def main():
    options = arguments()
    with open(options.vocab, encoding="utf-8") as file:
        vocab = [line.rstrip("\n") for line in file]
    questions = read_questions(options.data)
    windows = read_windows(options.windows, vocab)
    logits = numpy.load(options.logits)
    count = sum(len(own) for own in windows.values())
    if count != len(logits):
        raise SystemExit(f"{count} windows, but logits of {len(logits)}")
    # Lists of numbers, as the reference has them when it begins.
    values = {number: [(window, logits[row, 0].tolist(), logits[row, 1].tolist()) for row, window in own]
              for number, own in windows.items()}
    nbest_secs, score_secs = [], []
    for _ in range(options.runs):
        begun = time.perf_counter()
        texts, odds, entries = {}, {}, 0
        for number, (key, words, _) in enumerate(questions):
            if number not in values:
                # Nothing in the context that the tokenizer keeps: no answer.
                texts[key], odds[key], entries = "", 1000000.0, entries + 1
                continue
            nbest, texts[key], odds[key] = answer(words, values[number], options)
            entries += len(nbest)
        between = time.perf_counter()
        scores = evaluate(questions, texts, odds)
        done = time.perf_counter()
        nbest_secs.append(between - begun)
        score_secs.append(done - between)
    total = summary([nbest + score for nbest, score in zip(nbest_secs, score_secs)])
    if options.predictions:
        with open(options.predictions, "w", encoding="utf-8") as file:
            json.dump(texts, file)
    row = {"runs": options.runs, "questions": len(questions), "windows": count, "nbest_entries": entries,
           "nbest_secs": summary(nbest_secs), "score_secs": summary(score_secs), "total_secs": total,
           "questions_per_sec": len(questions) / total["median"], "scores": scores,
           "peak_host_bytes": peak_host_bytes()}
    report("postprocess", "reference in Python", environment(threads=1), [row], options.output, data=options.data,
           logits=options.logits, n_best_size=options.n_best_size, max_answer_length=options.max_answer_length)


if __name__ == "__main__":
    main()
