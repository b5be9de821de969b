#!/usr/bin/env python3
"""Ours beside theirs, in turns, on one machine: `spanbert bench` and the scripts under `peers`.

    python compare.py --spanbert target/release/spanbert --out tests/measurements/2026-01-01-cpu infer-cpu train-cpu

Every subset runs ours, then each peer, and all of that --rounds times: what else the machine does meets all of them.
Figures are medians over the rounds, ratios those of the medians; above 1 means that ours is faster. Everything printed
by a program goes into OUT/SUBSET.jsonl, a line for each run, with date, machine, commit, versions and command.
README.md beside this file says what has to be installed.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SUBSETS = ("train-cpu", "infer-cpu", "preprocess", "postprocess", "train-cuda", "infer-cuda")
NUMPY_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""What other work may have set for NumPy's OpenBLAS; it would change a peer's speed."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subsets", nargs="+", choices=SUBSETS)
    parser.add_argument("--spanbert", default="target/release/spanbert", help="our program, an optimised build")
    parser.add_argument("--out", required=True, help="folder for raw output")
    parser.add_argument("--name", help="name of the raw file instead of the subset's")
    parser.add_argument("--python", default=sys.executable, help="the Python that has the peers' packages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="for all of them; without it as many as there are processors")
    parser.add_argument("--config", default="base", help="base, large, minilm, a config.json or its folder")
    parser.add_argument("--model", help="checkpoint folder instead; without one weights are random")
    parser.add_argument("--precision", default="f32", type=formats, help="ours: f32, bf16, fp16, int8 (answering on a "
                        "processor); several with commas, each of which takes its turn")
    parser.add_argument("--peer-precision", type=formats, help="theirs, if others: PyTorch has no int8 here, ONNX Runtime "
                        "f32 and int8 alone")
    parser.add_argument("--peer-device", help="theirs, if another: cpu or cuda")
    parser.add_argument("--batch", type=int, help="windows of a step")
    parser.add_argument("--length", help="word pieces, several with commas; squad with --data and --vocab")
    parser.add_argument("--pad-to", type=int, help="with --length squad: the peers pad every batch to this length")
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--warmup", type=int)
    parser.add_argument("--data", help="SQuAD file")
    parser.add_argument("--vocab", help="vocab.txt")
    parser.add_argument("--lower-case", action="store_true", help="the vocabulary is an uncased one")
    parser.add_argument("--training", action="store_true", help="preprocess: with answer positions")
    parser.add_argument("--max-seq-length", type=int)
    parser.add_argument("--max-query-length", type=int)
    parser.add_argument("--doc-stride", type=int, default=128, help="ours: the step from one window to the next")
    parser.add_argument("--stride", type=int, default=128, help="preprocess, theirs: the overlap of two windows")
    parser.add_argument("--logits", help="postprocess: a .npy of real logits; without it they are made up")
    parser.add_argument("--runs", type=int, default=1, help="preprocess, postprocess: times in every process")
    parser.add_argument("--model-impl", default="auto", choices=["auto", "transformers", "torch"])
    parser.add_argument("--peers", help="only these, with commas: pytorch, onnxruntime")
    parser.add_argument("--fusion", choices=["offline", "session"], help="ONNX Runtime: what fuses attention and the rest")
    parser.add_argument("--peer-flags", default="", help="more flags for the PyTorch peer, such as --compile")
    options = parser.parse_args()
    options.threads = options.threads or len(os.sched_getaffinity(0))
    return options


def formats(text):
    """Number formats with commas."""
    wanted = text.split(",")
    unknown = set(wanted) - {"f32", "bf16", "fp16", "int8"}
    if unknown:
        raise argparse.ArgumentTypeError(f"no number formats: {', '.join(sorted(unknown))}")
    return wanted


def surroundings(threads):
    """The environment of every program: the same number of threads for all."""
    variables = {name: value for name, value in os.environ.items() if name not in NUMPY_SETTINGS}
    for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        variables[name] = str(threads)
    return {**variables, "TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"}


def given(**flags):
    """Flags that have a value."""
    words = []
    for name, value in flags.items():
        if value is True:
            words.append("--" + name.replace("_", "-"))
        elif value not in (None, False):
            words += ["--" + name.replace("_", "-"), str(value)]
    return words


def peer(options, script, *words):
    return [options.python, os.path.join(HERE, "peers", script), *words]


def speed_commands(options, what, device):
    """Ours and the peers' for training or answering; the peers repeat the shapes of our first report."""
    length = options.length or "384"
    same = given(config=None if options.model else options.config, model=options.model, batch=options.batch,
                 steps=options.steps, warmup=options.warmup)
    squad = length == "squad"
    ours_report = os.path.join(options.out, f"{options.file}-ours.json")
    ours = [options.spanbert, "bench", what, "--backend", device, "--json", "--length", length, *same,
            *given(micro_batch=options.micro_batch if what == "train" else None)]
    if squad:
        ours += given(data=options.data, vocab=options.vocab, **window_flags(options))
        ours += [] if options.model else [f"--do-lower-case={str(options.lower_case).lower()}"]
    shapes = given(shapes=ours_report, pad_to=options.pad_to) if squad else ["--length", length]
    wanted = (options.peers or "pytorch,onnxruntime").split(",")
    first, *others = options.precision
    commands = {"ours": [*ours, *given(precision=first, output=ours_report)]}
    commands.update({f"ours {other}": [*ours, *given(precision=other)] for other in others})
    theirs = options.peer_precision or options.precision

    def add(side, possible, command):
        """A side for each of the formats that it has; its name tells them apart where there are several."""
        found = [name for name in theirs if name in possible]
        for name in found:
            commands[side if len(found) == 1 else f"{side} {name}"] = [*command, "--precision", name]

    if "pytorch" in wanted:
        flags = given(device=options.peer_device or device, threads=options.threads, model_impl=options.model_impl,
                      micro_batch=options.micro_batch if what == "train" else None)
        add("pytorch", ("f32", "bf16", "fp16"),
            peer(options, f"pytorch_{what}.py", *same, *shapes, *flags, *options.peer_flags.split()))
    if "onnxruntime" in wanted and what == "infer" and device == "cpu":
        add("onnxruntime", ("f32", "int8"),
            peer(options, "onnxruntime_infer.py", *same, *shapes, *given(threads=options.threads, fusion=options.fusion)))
    return commands


def text_source(options):
    """Vocabulary and casing for ours."""
    if options.model:
        return ["--model", options.model]
    return ["--vocab", options.vocab, f"--do-lower-case={str(options.lower_case).lower()}"]


def window_flags(options):
    """How ours cuts contexts."""
    return {name: getattr(options, name) for name in ("max_seq_length", "doc_stride", "max_query_length")}


def preprocess_commands(options):
    shape = given(data=options.data, training=options.training, runs=options.runs)
    theirs = ["--model", options.model] if options.model else given(vocab=options.vocab, cased=not options.lower_case)
    return {
        "ours": [options.spanbert, "bench", "preprocess", "--json", *shape, *text_source(options),
                 *given(**window_flags(options))],
        "tokenizers": peer(options, "tokenizers_preprocess.py", *shape, *theirs,
                           *given(stride=options.stride, max_seq_length=options.max_seq_length)),
    }


def postprocess_commands(options, environment):
    """Both from the same logits and windows, which are made once."""
    windows = os.path.join(options.out, f"{options.file}-windows.jsonl")
    shape = given(data=options.data, **window_flags(options))
    with open(windows, "w", encoding="utf-8") as file:
        subprocess.run([options.spanbert, "features", *shape, *text_source(options)], stdout=file, check=True,
                       env=environment)
    logits = options.logits
    if not logits:
        logits = os.path.join(options.out, f"{options.file}-logits.npy")
        subprocess.run([options.spanbert, "bench", "postprocess", *shape, *text_source(options), "--save-logits",
                        logits, "--runs", "1"], stdout=subprocess.DEVNULL, check=True, env=environment)
    vocab = options.vocab or os.path.join(options.model, "vocab.txt")
    made = [windows] + ([] if options.logits else [logits])
    return {
        "ours": [options.spanbert, "bench", "postprocess", "--json", *shape, *text_source(options),
                 *given(logits=logits, runs=options.runs)],
        "reference": peer(options, "reference_postprocess.py", *given(
            data=options.data, vocab=vocab, windows=windows, logits=logits, do_lower_case=options.lower_case,
            runs=options.runs)),
    }, made


def commit():
    """The commit of this repository, if this is one."""
    found = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or os.environ.get("SPANBERT_COMMIT") or None


def run(command, environment):
    """A program's JSON; its messages go on to the terminal."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def check_scores(reports):
    """Two programs that disagree about the scores have not done the same work."""
    scores = {side: report["rows"][0].get("scores") for side, report in reports.items()}
    ours = scores.pop("ours", None)
    for side, theirs in scores.items():
        for name in (theirs or {}).keys() & (ours or {}).keys():
            if theirs[name] != ours[name]:
                raise SystemExit(f"{side} has {name} {theirs[name]}, ours is {ours[name]}")


def alternate(subset, commands, options, environment):
    """Runs everything in turns; gives the reports by side."""
    found = {side: [] for side in commands}
    path = os.path.join(options.out, f"{options.file}.jsonl")
    head = {"subset": subset, "commit": commit(), "machine": platform.node(), "threads": options.threads}
    with open(path, "w", encoding="utf-8") as file:
        for number in range(options.rounds):
            reports = {}
            for side, command in commands.items():
                load = os.getloadavg()[0]
                date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
                print(f"{subset} round {number + 1} of {options.rounds}: {side}", file=sys.stderr, flush=True)
                reports[side] = run(command, environment)
                found[side].append(reports[side])
                line = {**head, "date": date, "round": number, "side": side, "load": load, "run": command,
                        "report": reports[side]}
                file.write(json.dumps(line) + "\n")
                file.flush()
            check_scores(reports)
    return found


def medians(reports, metric):
    """For each row the median over the rounds, and the least and most."""
    columns = zip(*[[row[metric] for row in report["rows"]] for report in reports])
    return [(statistics.median(values), min(values), max(values)) for values in columns]


def show(subset, found, metrics):
    """A line for each row, side and measure, with the ratio to ours."""
    labels = [row.get("length", "whole file") for row in found["ours"][0]["rows"]]
    print(f"\n{subset}: medians of {len(found['ours'])} rounds (least to most); ratio = ours / theirs")
    for metric in metrics:
        ours = medians(found["ours"], metric)
        for index, label in enumerate(labels):
            for side, reports in found.items():
                middle, low, high = medians(reports, metric)[index]
                ratio = "" if side == "ours" else f"   ratio {ours[index][0] / middle:.3f}"
                print(f"  {label:>10}  {side:<18} {middle:>14,.2f} {metric:<18} ({low:,.2f} to {high:,.2f}){ratio}")


def compare(subset, options):
    options.file = options.name or subset
    environment = surroundings(options.threads)
    made = []
    if subset in ("preprocess", "postprocess"):
        if not options.data or not (options.vocab or options.model):
            raise SystemExit(f"{subset} needs --data, and --vocab or --model")
        metrics = ["questions_per_sec"]
        if subset == "preprocess":
            metrics += ["windows_per_sec", "pieces_per_sec"]
            commands = preprocess_commands(options)
        else:
            commands, made = postprocess_commands(options, environment)
    else:
        what, device = subset.split("-")
        metrics = ["windows_per_sec"]
        commands = speed_commands(options, what, device)
    found = alternate(subset, commands, options, environment)
    for path in made:
        os.remove(path)
    show(subset, found, metrics)


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    if os.getloadavg()[0] > 0.3 * os.cpu_count():
        # Programs that spin while they wait for their threads lose most.
        print("warning: this machine is busy with something else; ratios will not mean much", file=sys.stderr)
    for subset in options.subsets:
        compare(subset, options)


if __name__ == "__main__":
    main()
