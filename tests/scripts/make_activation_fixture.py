"""Writes tests/fixtures/activations/logits.json: logits of BertForQuestionAnswering under each activation.

    python tests/scripts/make_activation_fixture.py

Needs torch and transformers. The weights are those of tests/fixtures/checkpoints/tiny.safetensors, made larger so that the
activation works on values where its forms differ. The loss is that of fine-tuning; of its gradients those of the first
layer's widening matrix are kept, which pass through every activation.
"""

import json
import pathlib

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForQuestionAnswering

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
NAMES = [
    "gelu",
    "gelu_python",
    "gelu_new",
    "gelu_fast",
    "gelu_pytorch_tanh",
    "gelu_python_tanh",
    "gelu_accurate",
    "quick_gelu",
    "relu",
    "silu",
    "swish",
]
IDS = [[2, 5, 9, 3, 11, 17, 20, 3], [2, 6, 3, 8, 23, 3, 0, 0]]
SEGMENTS = [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]]
MASK = [[1] * 8, [1] * 6 + [0] * 2]
START, END = [4, 3], [6, 5]
# Factor on the widening matrices.
FACTOR = 16.0


def model(name, segment_types):
    config = json.loads((FIXTURES / "checkpoints" / "config.json").read_text())
    config.update(hidden_act=name, type_vocab_size=segment_types)
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    # Attention by plain products, as the reference has it.
    made = BertForQuestionAnswering(BertConfig(**config, attn_implementation="eager"))
    weights = load_file(FIXTURES / "checkpoints" / "tiny.safetensors")
    for key in weights:
        if ".intermediate.dense.weight" in key:
            weights[key] = weights[key] * FACTOR
    types = "bert.embeddings.token_type_embeddings.weight"
    weights[types] = weights[types][:segment_types].clone()
    weights = {key: value for key, value in weights.items() if not key.startswith("bert.pooler.")}
    left = made.load_state_dict(weights, strict=False)
    assert not left.missing_keys and not left.unexpected_keys, left
    return made.eval()


def outcome(name, segment_types=2):
    made = model(name, segment_types)
    segments = torch.tensor(SEGMENTS) if segment_types == 2 else torch.zeros_like(torch.tensor(IDS))
    output = made(
        torch.tensor(IDS),
        attention_mask=torch.tensor(MASK),
        token_type_ids=segments,
        start_positions=torch.tensor(START),
        end_positions=torch.tensor(END),
    )
    output.loss.backward()
    wide = made.bert.encoder.layer[0].intermediate.dense.weight.grad
    return {
        "activation": name,
        "segment_types": segment_types,
        "start_logits": output.start_logits.detach().flatten().tolist(),
        "end_logits": output.end_logits.detach().flatten().tolist(),
        "loss": output.loss.item(),
        "wide_gradient": wide.flatten().tolist(),
    }


def main():
    torch.manual_seed(0)
    cases = [outcome(name) for name in NAMES] + [outcome("gelu", 1)]
    batch = {"ids": IDS, "segments": SEGMENTS, "mask": MASK, "start": START, "end": END, "factor": FACTOR}
    result = {**batch, "cases": cases}
    folder = FIXTURES / "activations"
    folder.mkdir(exist_ok=True)
    (folder / "logits.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
