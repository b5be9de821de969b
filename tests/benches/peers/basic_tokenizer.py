"""The reference's BasicTokenizer: words and punctuation marks, without word pieces. Standard library only."""

import unicodedata

NEVER_SPLIT = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
              (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
SYMBOLS = ((33, 47), (58, 64), (91, 96), (123, 126))


def within(code, ranges):
    return any(low <= code <= high for low, high in ranges)


def is_space(character):
    return character in " \t\n\r" or unicodedata.category(character) == "Zs"


def is_punctuation(character):
    return within(ord(character), SYMBOLS) or unicodedata.category(character).startswith("P")


def cleaned(text):
    """Without what is never shown, and with blanks around ideographs."""
    kept = []
    for character in text:
        code = ord(character)
        if is_space(character):
            kept.append(" ")
        elif code in (0, 0xFFFD) or unicodedata.category(character).startswith("C"):
            continue
        elif within(code, IDEOGRAPHS):
            kept.append(f" {character} ")
        else:
            kept.append(character)
    return "".join(kept)


def without_accents(text):
    return "".join(character for character in unicodedata.normalize("NFD", text)
                   if unicodedata.category(character) != "Mn")


def split_at_punctuation(word):
    parts, fresh = [], True
    for character in word:
        if is_punctuation(character):
            parts.append(character)
            fresh = True
        elif fresh:
            parts.append(character)
            fresh = False
        else:
            parts[-1] += character
    return parts


def tokenize(text, lower_case):
    """The words of a text."""
    words = []
    for word in cleaned(text).split():
        if word in NEVER_SPLIT:
            words.append(word)
            continue
        words.extend(split_at_punctuation(without_accents(word.lower()) if lower_case else word))
    return " ".join(words).split()
