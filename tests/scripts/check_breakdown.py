#!/usr/bin/env python3
"""Recomputes what `spanbert breakdown --json` says, with numpy and pandas alone, and compares.

    spanbert breakdown --data dev.json --predictions P --null-odds N [--nbest B] --json > breakdown.json
    check_breakdown.py --data dev.json --predictions P --null-odds N [--nbest B] breakdown.json

With --records FILE (records.jsonl of an evaluation) predictions, null odds, windows and reach come from there. A comparison
(`--compare EVALUATION`) is checked with --other-records FILE and --other-threshold X, those of that evaluation. Nothing of the
program's code is used: definitions are those of its documentation. Exits with 1 if a figure differs by more than --tolerance
(default 1e-9).
"""
import argparse
import collections
import json
import math
import re
import string
import sys

import numpy as np
import pandas as pd

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
STOP_WORDS = set(
    "a about after all an and any are as at be been before but by can could did do does for from had has have he her his "
    "how if in into is it its many may might much must not of on or other out over s she should so some than that the "
    "their them there they this to was were what when where which who whom whose why will with would you your".split()
)
NEGATIONS = set("cannot neither never no nobody none nor not nothing nowhere without".split())
WORDS = {"who": "who", "whom": "who", "whose": "who", "what": "what", "when": "when", "where": "where", "which": "which", "why": "why"}
MASK = np.uint64(0xFFFFFFFFFFFFFFFF)
Z = 1.959963984540054
# Fewest questions whose bootstrap is drawn; equal ones have none either.
FEWEST = 10


def normalized(text):
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def word_f1(gold, prediction):
    gold, prediction = gold.split(), prediction.split()
    if not gold or not prediction:
        return float(gold == prediction)
    shared = sum((collections.Counter(gold) & collections.Counter(prediction)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(prediction), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


def scored(gold, prediction):
    gold = [text for text in map(normalized, gold) if text] or [""]
    prediction = normalized(prediction)
    return float(prediction in gold), max(word_f1(text, prediction) for text in gold)


def tokens(text):
    return re.findall(r"[^\W_]+", text)


def side_by_side(whole, part):
    whole, part = whole.split(), part.split()
    return bool(part) and any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def question_word(text):
    words = tokens(text.lower())
    for place, word in enumerate(words):
        if word in WORDS:
            return WORDS[word]
        if word == "how":
            return "how many" if words[place + 1 : place + 2] in (["many"], ["much"]) else "how"
    return "other"


def named(things, context):
    if not things:
        return 0
    return 1 if all(thing in context for thing in things) else 2


def up_to(value, ends):
    place = next((i for i, end in enumerate(ends) if value <= end), len(ends))
    first = 1 if place == 0 else ends[place - 1] + 1
    if place == len(ends):
        return f"{first} or more"
    if place == 0 and ends[0] > 1:
        return f"up to {ends[0]}"
    return str(first) if first == ends[place] else f"{first} to {ends[place]}"


def table(dataset, predictions, null_odds, nbest, known):
    titles, rows = {}, []
    for index, article in enumerate(dataset):
        title = article.get("title", "")
        fresh = title and title not in titles.values()
        titles[index] = title if fresh else f"{title or 'article'} ({index + 1})"
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            context_tokens = {token.lower() for token in tokens(context)}
            context_words, length = len(context.split()), len(context)
            for question in paragraph["qas"]:
                text, gold = question["question"], [answer["text"] for answer in question.get("answers", [])]
                plausible = [answer["text"] for answer in question.get("plausible_answers", [])]
                prediction = predictions[question["id"]]
                exact, f1 = scored(gold, prediction)
                runs = tokens(text)
                content = {run.lower() for run in runs} - STOP_WORDS
                overlap = len(content & context_tokens) / len(content) if content else 1.0
                lowered = text.lower()
                given = normalized(prediction)
                if gold:
                    if exact:
                        answered = "correct"
                    elif f1 == 0:
                        answered = "wrong_span"
                    elif any(side_by_side(given, normalized(one)) for one in gold):
                        answered = "too_long"
                    elif any(side_by_side(normalized(one), given) for one in gold):
                        answered = "too_short"
                    else:
                        answered = "shifted"
                elif any(word_f1(normalized(one), given) > 0 for one in plausible):
                    answered = "fell_for_plausible"
                else:
                    answered = "answered_unanswerable"
                listed = nbest.get(question["id"]) if nbest else None
                best = [scored(gold, entry["text"])[1] for entry in listed or [] if entry["text"]] if gold else []
                share = (
                    "under 25 %" if overlap < 0.25 else "25 to 50 %" if overlap < 0.5
                    else "50 to 75 %" if overlap < 0.75 else "75 to 100 %" if overlap < 1 else "all"
                )
                position = None
                if gold:
                    quarter = min(int(min(question["answers"][0]["answer_start"] / max(length, 1), 1.0) * 4), 3)
                    position = ["first quarter", "second quarter", "third quarter", "last quarter"][quarter]
                more = known.get(question["id"], {})
                rows.append({
                    "id": question["id"],
                    "has_answer": bool(gold),
                    "prediction": prediction,
                    "exact": exact,
                    "f1": f1,
                    "odds": null_odds[question["id"]] if null_odds else np.nan,
                    "probability": next((e.get("probability") for e in listed or [] if e["text"] == prediction), None),
                    "oracle": best,
                    "answered": answered,
                    "plausible": bool(plausible) and not gold,
                    "fell_exactly": any(normalized(one) == given for one in plausible),
                    "answerable": "answerable" if gold else "unanswerable",
                    "question_word": question_word(text),
                    "answer_length": up_to(min(len(one.split()) for one in gold), [1, 2, 4, 8]) if gold else None,
                    "context_length": up_to(context_words, [75, 100, 125, 150, 200, 300]),
                    "question_length": up_to(len(text.split()), [6, 8, 10, 12, 15, 20]),
                    "windows": up_to(more["windows"], [1, 2, 4]) if "windows" in more else None,
                    "answer_position": position,
                    "overlap": share,
                    "negation": "negation" if {r.lower() for r in runs} & NEGATIONS or "n't" in lowered or "n\u2019t" in lowered else "no negation",
                    "number": ["no number", "all in the passage", "not in the passage"][
                        named([r.lower() for r in runs if re.search("[0-9]", r)], context_tokens)],
                    "name": ["no name", "all in the passage", "not in the passage"][
                        named([r.lower() for r in runs[1:] if len(r) > 1 and r[0].isupper()], context_tokens)],
                    "article": titles[index],
                    "reach": more.get("reach"),
                })
    return pd.DataFrame(rows)


def sums(values, name):
    """1,000 bootstrap sums: splitmix64 seeded with the FNV-1a hash of the name."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    n = len(values)
    counters = np.arange(1, 1000 * n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = np.uint64(seed) + counters * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
    places = ((bits >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
    return values[places.astype(np.int64)].reshape(1000, n).sum(axis=1)


def wilson(successes, n):
    rate = successes / n
    centre, spread = rate + Z * Z / (2 * n), Z * np.sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n))
    return (centre - spread) / (1 + Z * Z / n), (centre + spread) / (1 + Z * Z / n)


def has_spread(values):
    return len(values) >= FEWEST and np.ptp(values) > 1e-9


class Checker:
    def __init__(self, tolerance):
        self.tolerance, self.compared, self.worst, self.wrong = tolerance, 0, 0.0, []

    def same(self, what, expected, found):
        self.compared += 1
        if expected is None or found is None or isinstance(expected, str):
            if expected != found:
                self.wrong.append((what, expected, found))
            return
        gap = abs(float(expected) - float(found))
        self.worst = max(self.worst, gap)
        if not gap <= self.tolerance:
            self.wrong.append((what, expected, found))


NAMES = {
    "answerable": "answerable", "question_word": "question word", "answer_length": "answer length (words)",
    "context_length": "passage length (words)", "question_length": "question length (words)", "windows": "windows",
    "answer_position": "answer position", "overlap": "question words in the passage",
    "negation": "negation in the question", "number": "number in the question", "name": "name in the question",
    "article": "article",
}


def check_interval(check, what, ends, interval):
    check.same(what + " low", ends[0], interval["low"])
    check.same(what + " high", ends[1], interval["high"])


def check_slices(check, frame, report):
    rows = {(row["dimension"], row["label"]): row for row in report["slices"]}
    expected = set()
    for column, name in NAMES.items():
        pool = frame[frame[column].notna()]
        groups = dict(list(pool.groupby(column, sort=False)))
        if len(groups) < 2:
            continue
        f1 = {label: group["now_f1"].to_numpy() for label, group in groups.items()}
        drawn = {label: sums(values, f"{name}/{label}") for label, values in f1.items()}
        # Groups of few questions are drawn from together when they are part of the rest. The program goes through them in the
        # order of its own table.
        order = [row["label"] for row in report["slices"] if row["dimension"] == column]
        small = [f1[label] for label in order if label in f1 and len(f1[label]) < FEWEST]
        pool_sums = sum(drawn[label] for label in groups if len(f1[label]) >= FEWEST)
        if small:
            pool_sums = pool_sums + sums(np.concatenate(small), f"{name}/small groups")
        for label, group in groups.items():
            expected.add((column, label))
            row = rows.get((column, label))
            if row is None:
                check.wrong.append((f"{column}/{label}", "a slice", None))
                continue
            n, rest = len(group), pool[pool[column] != label]
            what = f"{column}/{label} "
            check.same(what + "n", n, row["n"])
            check.same(what + "share", 100 * n / len(frame), row["share"])
            check.same(what + "exact", 100 * group["now_exact"].mean(), row["exact"])
            check.same(what + "f1", 100 * group["now_f1"].mean(), row["f1"])
            check.same(what + "difference", 100 * (group["now_f1"].mean() - rest["now_f1"].mean()), row["difference"])
            low, high = wilson(group["now_exact"].sum(), n)
            check.same(what + "wilson low", 100 * low, row["exact_interval"]["low"])
            check.same(what + "wilson high", 100 * high, row["exact_interval"]["high"])
            own = 100 * drawn[label] / n
            if has_spread(f1[label]):
                check_interval(check, what + "bootstrap", np.percentile(own, [2.5, 97.5]), row["intervals"]["f1"])
            else:
                low, high = wilson(f1[label].sum(), n)
                check_interval(check, what + "F1 as a rate", (100 * low, 100 * high), row["intervals"]["f1"])
            both = has_spread(f1[label]) and has_spread(rest["now_f1"].to_numpy())
            check.same(what + "has an interval", both, row["intervals"]["difference"] is not None)
            significant = False
            if both:
                others = 100 * (pool_sums - drawn[label]) / len(rest)
                low, high = np.percentile(own - others, [2.5, 97.5])
                check_interval(check, what + "difference", (low, high), row["intervals"]["difference"])
                significant = low > 1e-9 or high < -1e-9
            check.same(what + "significant", significant, row["significant"])
    for key in set(rows) - expected:
        if key[0] != "query":
            check.wrong.append((key, None, "a slice"))
    overall = report["overall"]
    check.same("all f1", 100 * frame["now_f1"].mean(), overall["f1"])
    low, high = np.percentile(100 * sums(frame["now_f1"].to_numpy(), "all questions") / len(frame), [2.5, 97.5])
    check.same("all bootstrap low", low, overall["intervals"]["f1"]["low"])
    check.same("all bootstrap high", high, overall["intervals"]["f1"]["high"])


def check_outcomes(check, frame, report):
    for count in report["outcomes"]:
        own = frame[frame["outcome"] == count["outcome"]]
        check.same(f"{count['outcome']} n", len(own), count["n"])
        check.same(f"{count['outcome']} lost", 100 * (1 - own["now_f1"]).sum() / len(frame), count["lost_f1"])
    plausible = frame[frame["plausible"]]
    if len(plausible):
        answered = plausible[~plausible["abstains"]]
        check.same("plausible n", len(plausible), report["plausible"]["n"])
        check.same("plausible answered", len(answered), report["plausible"]["answered"])
        check.same("plausible fell", (answered["answered"] == "fell_for_plausible").sum(), report["plausible"]["fell"])
        check.same("plausible exactly", answered["fell_exactly"].sum(), report["plausible"]["fell_exactly"])
    answerable = frame[frame["has_answer"]]
    for score in report["oracle"]:
        best = [max(values[: score["k"]], default=0.0) for values in answerable["oracle"]]
        check.same(f"oracle {score['k']}", 100 * np.mean(best), score["f1"])
    reach = [value for value in answerable["reach"] if value is not None]
    if reach:
        outside = sum(not value["in_window"] for value in reach)
        check.same("outside every window", outside, report["unreachable"]["outside_every_window"])


def check_confidence(check, frame, report):
    for curve in report["risk_coverage"]:
        column = "odds" if curve["confidence"] == "null odds" else "probability"
        own = frame[(frame["prediction"] != "") & frame[column].notna()]
        sureness = -own[column].astype(float) if column == "odds" else own[column].astype(float)
        groups = (1 - own["exact"]).groupby(sureness).agg(["size", "sum"]).sort_index(ascending=False)
        given, errors = groups["size"].cumsum().to_numpy(), groups["sum"].cumsum().to_numpy()
        area = 0.0
        for size, more, before, wrong in zip(groups["size"], groups["sum"], given - groups["size"], errors - groups["sum"]):
            place = np.arange(1, size + 1)
            area += ((wrong + more * place / size) / (before + place)).sum()
        check.same(f"area by {column}", area / given[-1], curve["area"])
        risk = errors / given
        for at in curve["coverage_at"]:
            fits = given[100 * (1 - risk) >= at["accuracy"]]
            check.same(f"coverage at {at['accuracy']}", 100 * fits.max() / len(frame) if len(fits) else 0.0, at["coverage"])
    for reliability in report["reliability"]:
        if reliability["of"] == "answer right":
            own = frame[~frame["abstains"] & frame["probability"].notna()]
            said, is_so = own["probability"].astype(float), own["exact"] > 0
        else:
            odds = frame["odds"]
            said = odds if ((odds >= 0) & (odds <= 1)).all() else 1 / (1 + np.exp(-odds))
            is_so = ~frame["has_answer"]
        bins = np.minimum((said * 20).astype(int), 19)
        error = sum(
            abs(said[bins == b].mean() - is_so[bins == b].mean()) * (bins == b).sum() / len(said) for b in bins.unique()
        )
        check.same(f"calibration of {reliability['of']}", error, reliability["calibration_error"])
        check.same(f"Brier of {reliability['of']}", ((said - is_so) ** 2).mean(), reliability["brier"])


def check_comparison(check, frame, other, comparison):
    pairs = frame.merge(other[["id", "now_exact", "now_f1"]], on="id", suffixes=("", "_other"))
    gain = pairs["now_f1_other"] - pairs["now_f1"]
    right, right_other = pairs["now_exact"] > 0, pairs["now_exact_other"] > 0
    check.same("both right", (right & right_other).sum(), comparison["both_right"])
    check.same("both wrong", (~right & ~right_other).sum(), comparison["both_wrong"])
    for key, changed in (("right_to_wrong", right & ~right_other), ("wrong_to_right", ~right & right_other)):
        check.same(key, " ".join(pairs["id"][changed]), " ".join(comparison[key]))
    for row in [comparison["overall"], *comparison["slices"]]:
        dimension, label = row["dimension"], row["label"]
        own = pairs[dimension] == label if dimension else pairs["id"].notna()
        what = f"compared {dimension}/{label} "
        check.same(what + "n", own.sum(), row["n"])
        check.same(what + "exact of the first", 100 * pairs["now_exact"][own].mean(), row["exact"]["first"])
        check.same(what + "exact of the second", 100 * pairs["now_exact_other"][own].mean(), row["exact"]["second"])
        check.same(what + "f1 of the first", 100 * pairs["now_f1"][own].mean(), row["f1"]["first"])
        check.same(what + "f1 of the second", 100 * pairs["now_f1_other"][own].mean(), row["f1"]["second"])
        check.same(what + "difference", 100 * gain[own].mean(), row["difference"])
        gains = gain[own].to_numpy()
        check.same(what + "has an interval", has_spread(gains), row["interval"] is not None)
        if has_spread(gains):
            drawn = sums(gains, f"{NAMES.get(dimension, 'difference')}/{label}")
            low, high = np.percentile(100 * drawn / own.sum(), [2.5, 97.5])
            check_interval(check, what + "bootstrap", (low, high), row["interval"])
            check.same(what + "significant", bool(low > 1e-9 or high < -1e-9), row["significant"])
        worse, better = (own & right & ~right_other).sum(), (own & ~right & right_other).sum()
        check.same(what + "right to wrong", worse, row["right_to_wrong"])
        check.same(what + "wrong to right", better, row["wrong_to_right"])
        n, fewer = int(worse + better), int(min(worse, better))
        tail = sum(math.comb(n, k) for k in range(fewer + 1))
        check.same(what + "p", min(1.0, float(2 * tail / 2**n)), row["mcnemar"]["p_value"])


def at_threshold(frame, threshold):
    """Scores with every answer blanked whose null odds are above."""
    blanked = (frame["odds"] > threshold).to_numpy()
    right = (~frame["has_answer"]).astype(float)
    frame["abstains"] = blanked | (frame["prediction"] == "")
    frame["now_exact"] = np.where(blanked, right, frame["exact"])
    frame["now_f1"] = np.where(blanked, right, frame["f1"])


def read_records(path):
    with open(path, encoding="utf-8") as file:
        known = {record["id"]: record for record in map(json.loads, file)}
    predictions = {key: record["prediction"] for key, record in known.items()}
    null_odds = {key: record["score_diff"] for key, record in known.items() if record["score_diff"] is not None}
    return known, predictions, null_odds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("breakdown")
    parser.add_argument("--data", required=True)
    parser.add_argument("--predictions")
    parser.add_argument("--null-odds")
    parser.add_argument("--nbest")
    parser.add_argument("--records")
    parser.add_argument("--other-records")
    parser.add_argument("--other-threshold", type=float)
    parser.add_argument("--tolerance", type=float, default=1e-9)
    arguments = parser.parse_args()

    def read(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    known = {}
    if arguments.records:
        known, predictions, null_odds = read_records(arguments.records)
    else:
        predictions = read(arguments.predictions)
        null_odds = read(arguments.null_odds) if arguments.null_odds else None
    report = read(arguments.breakdown)
    nbest = read(arguments.nbest) if arguments.nbest else None
    data = read(arguments.data)["data"]
    frame = table(data, predictions, null_odds, nbest, known)
    at_threshold(frame, report["threshold"] if report["threshold"] is not None else np.inf)
    frame["outcome"] = np.where(
        frame["abstains"], np.where(frame["has_answer"], "wrongly_abstained", "correctly_abstained"), frame["answered"]
    )
    check = Checker(arguments.tolerance)
    check.same("exact", 100 * frame["now_exact"].mean(), report["official"]["exact"])
    check.same("f1", 100 * frame["now_f1"].mean(), report["official"]["f1"])
    check_slices(check, frame, report)
    check_outcomes(check, frame, report)
    check_confidence(check, frame, report)
    if arguments.other_records:
        known, predictions, null_odds = read_records(arguments.other_records)
        other = table(data, predictions, null_odds, None, known)
        at_threshold(other, arguments.other_threshold)
        check_comparison(check, frame, other, report["comparison"])
    print(json.dumps({
        "compared": check.compared, "largest_difference": check.worst, "tolerance": arguments.tolerance,
        "different": [[str(part) for part in row] for row in check.wrong[:20]], "differences": len(check.wrong),
    }, indent=1))
    sys.exit(bool(check.wrong))


if __name__ == "__main__":
    main()
