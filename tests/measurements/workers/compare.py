"""Digests of what runs hold, side by side with their seconds: compare.py OUT RUN…; see ../workers.sh."""

import hashlib
import json
import pathlib
import sys

# What a record says of time, place and company.
APART = {
    "time", "elapsed_secs", "eta_secs", "secs", "windows_per_sec", "tokens_per_sec", "memory_bytes", "workers", "detail",
}
# Files that are about nothing else: lists of times, and what the run was made with.
TIMES = {"environment.json", "state.json", "train.log", "lock", "fit.json"}


def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in APART}
    if isinstance(value, list):
        return [without_times(inner) for inner in value]
    return value


def parts(root):
    """Digests by what is digested."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if not path.is_file() or name.name in TIMES or name.parts[0] == "tb":
            continue
        content = path.read_bytes()
        if path.suffix == ".jsonl" and len(name.parts) == 1:
            records = [without_times(json.loads(line)) for line in content.splitlines()]
            # Phases tell when something was waited for.
            records = [record for record in records if record.get("event", record.get("type")) != "phase"]
            content = json.dumps(records).encode()
        elif path.name in ("progress.json", "best.json"):
            content = json.dumps(without_times(json.loads(content))).encode()
        kind = {"checkpoints": "checkpoints", "eval": "answers and scores"}.get(name.parts[0], str(name))
        found.setdefault(kind, []).append(f"{name} {digest(content)}")
    return {kind: digest("\n".join(lines).encode()) for kind, lines in found.items()}


def main():
    out, *runs = sys.argv[1:]
    out = pathlib.Path(out)
    digests = {run: parts(out / run) for run in runs}
    kinds = sorted({kind for found in digests.values() for kind in found})
    for run in runs:
        print(f"{run:20} {(out / (run + '.seconds')).read_text().strip():>8} s")
    for kind in kinds:
        values = [digests[run].get(kind, "absent") for run in runs]
        print(f"{kind:40} {'equal ' + values[0] if len(set(values)) == 1 else 'DIFFER ' + ' '.join(values)}")
    if any(len({found.get(kind) for found in digests.values()}) > 1 for kind in kinds):
        sys.exit(1)


main()
