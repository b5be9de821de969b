#!/usr/bin/env python3
"""Memory of fine-tuning on CUDA cards of any size, by dry runs on the stand-in (tests/cuda_on_host).

    cuda_memory.py PROGRAM [MODEL PRECISION CARD_GB WINDOWS [recompute]]…

Kernels are skipped, allocations are real; peaks are what the driver had handed out at most. For each setting (without any:
the README's) `spanbert bench train` does 4 steps of 512 pieces, then, in another process, 24 steps of all lengths from 64 to 512,
each in batches of 32 in parts of WINDOWS. A line each: peak at one length, peak with all, with ! where memory ran out.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WITH = pathlib.Path(__file__).resolve().parent.parent / "cuda_on_host" / "with.sh"
PIECES = 28_996
LENGTHS = range(64, 513, 64)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word", "where", "here"]
# As `spanbert train` splits them by its estimate.
SETTINGS = """
base f32 8 8; base f32 12 16; base f32 16 16; base f32 24 32; base f32 40 32; base f32 48 32; base f32 80 32;
base bf16 8 8; base bf16 12 16; base bf16 16 32; base bf16 24 32; base bf16 40 32; base bf16 48 32; base bf16 80 32;
base fp16 16 32;
large f32 8 1 recompute; large f32 12 2; large f32 16 4; large f32 24 8; large f32 40 16; large f32 48 16; large f32 80 32;
large bf16 8 1 recompute; large bf16 12 2; large bf16 16 4; large bf16 24 16; large bf16 40 32; large bf16 48 32; large bf16 80 32
"""


def windows_of_all_lengths(each):
    """SQuAD JSON: `[CLS] where [SEP] here word … word [SEP]`."""
    paragraphs = []
    for length in LENGTHS:
        for index in range(each):
            answer = {"text": "here", "answer_start": 0}
            question = {"id": f"{length}-{index}", "question": "where", "answers": [answer], "is_impossible": False}
            paragraphs.append({"context": "here" + " word" * (length - 5), "qas": [question]})
    return {"version": "v2.0", "data": [{"title": "words", "paragraphs": paragraphs}]}


def peak(program, folder, setting, length, steps):
    model, precision, card, windows, *recompute = setting
    log = folder / "log"
    log.unlink(missing_ok=True)
    data = folder / "data.json"
    command = ["bash", WITH, program, "bench", "train", "--backend", "cuda", "--unfused", "--config", model, "--precision", precision]
    command += ["--batch", "32", "--micro-batch", windows, "--length", length, "--steps", steps, "--warmup", "1", "--json"]
    command += ["--max-seq-length", "512"] if length == "squad" else []
    command += ["--data", data, "--vocab", folder / "vocab.txt", "--do-lower-case"] if length == "squad" else []
    command += [f"--{name}" for name in recompute]
    # Opening a device takes two launches; kernels that were skipped must not be taken for compiled ones.
    stand_in = {"CUDAHOST_MEMORY": f"{card}G", "CUDAHOST_DRY_AFTER": "2", "CUDAHOST_LOG": log}
    caches = {"CUDAHOST_CACHE": folder / "kernels", "XDG_CACHE_HOME": folder / "cache"}
    environment = {name: str(value) for name, value in {**os.environ, **stand_in, **caches}.items()}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, check=False)
    used = [int(line.rsplit(" ", 1)[1]) for line in log.read_text().splitlines() if line.startswith("alloc ")]
    if done.returncode and "out of memory" not in log.read_text():
        sys.exit(done.stderr)
    return f"{max(used) / 1e9:.2f}{'!' if done.returncode else ''}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, words = sys.argv[1], sys.argv[2:]
    settings = " ".join(words) if words else SETTINGS
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data.json").write_text(json.dumps(windows_of_all_lengths(64)))
        pieces = WORDS + [f"piece{index}" for index in range(len(WORDS), PIECES)]
        (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
        for setting in settings.split(";"):
            setting = setting.split()
            one, varied = peak(program, folder, setting, "512", "3"), peak(program, folder, setting, "squad", "16")
            print(*setting, one, varied, flush=True)


main()
