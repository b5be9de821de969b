"""The first questions of a SQuAD file: cut.py FILE QUESTIONS."""

import json
import sys


def main():
    path, left = sys.argv[1], int(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        squad = json.load(file)
    articles = []
    for article in squad["data"]:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            kept = paragraph["qas"][:left]
            left -= len(kept)
            if kept:
                paragraphs.append({**paragraph, "qas": kept})
        if paragraphs:
            articles.append({**article, "paragraphs": paragraphs})
    json.dump({"version": squad.get("version"), "data": articles}, sys.stdout)


main()
