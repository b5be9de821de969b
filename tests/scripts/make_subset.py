#!/usr/bin/env python3
"""Cut a small file out of a SQuAD 1.1 or 2.0 file: whole articles in file order until there are enough questions.

    python make_subset.py train-v2.0.json --questions 8000 --out squad-train-8000.json

Whole articles keep the file valid and the cut reproducible: the same input and options give the same bytes on every
machine. SQuAD 2.0's training articles come in two kinds, with none or about half of the questions unanswerable, and
the file starts with the first kind: look at the printed counts, and see `--min-unanswerable`. Prints one JSON object:
the counts, and for a 2.0 file the score of leaving every question unanswered, which is what `best_f1` and
`best_exact` start from.
"""

import argparse
import json
import os
import sys
import tempfile


def questions_of(article):
    """All questions of an article, in file order."""
    return [question for paragraph in article["paragraphs"] for question in paragraph["qas"]]


def is_impossible(question):
    """Whether SQuAD 2.0 marks a question as unanswerable; always False in a 1.1 file."""
    return bool(question.get("is_impossible", False))


def first_articles(articles, wanted):
    """The shortest prefix of `articles` with at least `wanted` questions (all of them if there are fewer)."""
    taken, count = [], 0
    for article in articles:
        if count >= wanted:
            break
        taken.append(article)
        count += len(questions_of(article))
    return taken


def unanswerable_share(article):
    """Share of an article's questions that are marked impossible; 0 for an article without questions."""
    questions = questions_of(article)
    return sum(is_impossible(question) for question in questions) / max(1, len(questions))


def describe(articles):
    """Counts of a list of articles; `all_unanswered_f1` is a percentage, None without unanswerable questions."""
    questions = [question for article in articles for question in questions_of(article)]
    impossible = sum(is_impossible(question) for question in questions)
    return {
        "articles": len(articles),
        "titles": [article["title"] for article in articles],
        "paragraphs": sum(len(article["paragraphs"]) for article in articles),
        "questions": len(questions),
        "answerable": len(questions) - impossible,
        "unanswerable": impossible,
        "all_unanswered_f1": 100.0 * impossible / len(questions) if impossible else None,
    }


def write_whole(path, text):
    """Writes `text` to `path` so that nobody sees half a file."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, suffix=".tmp", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("squad_file")
    parser.add_argument("--questions", type=int, required=True, help="at least this many questions")
    parser.add_argument("--min-unanswerable", type=float, default=0.0, help="least share of unanswerable questions "
                        "an article must have to be taken (default 0: every article)")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    if options.questions < 1:
        parser.error("--questions must be at least 1")

    with open(options.squad_file, encoding="utf-8") as file:
        whole = json.load(file)
    eligible = [article for article in whole["data"] if unanswerable_share(article) >= options.min_unanswerable]
    articles = first_articles(eligible, options.questions)
    report = describe(articles)
    if report["questions"] < options.questions:
        sys.exit(f"{options.squad_file} has only {report['questions']} such questions, {options.questions} asked for")
    subset = {"version": whole.get("version", ""), "data": articles}
    write_whole(options.out, json.dumps(subset, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(json.dumps({"file": options.out, **report}, ensure_ascii=False))


if __name__ == "__main__":
    main()
