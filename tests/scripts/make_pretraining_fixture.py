"""Writes tests/fixtures/pretraining/tiny.json: SpanBERT's pre-training losses and their gradients by PyTorch.

    python tests/scripts/make_pretraining_fixture.py

Needs torch. The encoder and both heads are written down here from the papers' formulae (Devlin et al., 2019; Joshi et
al., 2020, equation 3), independently of the Rust code: post-norm transformer layers, erf GELU, LayerNorm with epsilon
1e-12; masked pieces and span pieces told through a transform and the word embeddings. Float64 throughout, so that the
expected values carry no rounding of their own.
"""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "pretraining" / "tiny.json"
CONFIG = {
    "vocab_size": 19,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
}
SPAN_POSITIONS, POSITION_WIDTH = 15, 200
# Two rows; the second is padded. Row-major flat places are row * 10 + position.
BATCH = {
    "rows": 2,
    "length": 10,
    "input_ids": [1, 4, 4, 9, 7, 3, 8, 8, 5, 2, 1, 6, 3, 4, 11, 2, 0, 0, 0, 0],
    "attention_mask": [1] * 10 + [1] * 6 + [0] * 4,
    "mlm": {"places": [1, 2, 6, 13], "pieces": [12, 13, 8, 14]},
    # The same neighbour is told from several times, and a span begins after [CLS].
    "sbo": {"left": [0, 0, 5, 12], "right": [3, 3, 7, 14], "offset": [0, 1, 0, 0], "pieces": [12, 13, 8, 14]},
}


def shapes():
    h, wide, vocab = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["vocab_size"]
    emb = "bert.embeddings"
    yield f"{emb}.word_embeddings.weight", (vocab, h)
    yield f"{emb}.position_embeddings.weight", (CONFIG["max_position_embeddings"], h)
    yield f"{emb}.token_type_embeddings.weight", (CONFIG["type_vocab_size"], h)
    yield f"{emb}.LayerNorm.weight", (h,)
    yield f"{emb}.LayerNorm.bias", (h,)
    for layer in range(CONFIG["num_hidden_layers"]):
        for part, rows, columns in [
            ("attention.self.query", h, h), ("attention.self.key", h, h), ("attention.self.value", h, h),
            ("attention.output.dense", h, h), ("attention.output.LayerNorm", h, None),
            ("intermediate.dense", wide, h), ("output.dense", h, wide), ("output.LayerNorm", h, None),
        ]:
            prefix = f"bert.encoder.layer.{layer}.{part}"
            yield f"{prefix}.weight", (rows,) if columns is None else (rows, columns)
            yield f"{prefix}.bias", (rows,)
    for prefix, columns in [
        ("cls.predictions.transform", h), ("sbo.first", 2 * h + POSITION_WIDTH), ("sbo.second", h)
    ]:
        yield f"{prefix}.dense.weight", (h, columns)
        yield f"{prefix}.dense.bias", (h,)
        yield f"{prefix}.LayerNorm.weight", (h,)
        yield f"{prefix}.LayerNorm.bias", (h,)
    yield "cls.predictions.bias", (vocab,)
    yield "sbo.position_embeddings.weight", (SPAN_POSITIONS, POSITION_WIDTH)
    yield "sbo.bias", (vocab,)


def value(name, index):
    """A weight by a formula that the Rust test repeats: no weights need to be stored."""
    base = 1.0 if name.endswith("LayerNorm.weight") else 0.0
    seed = sum((i + 1) * byte for i, byte in enumerate(name.encode())) % 997
    return base + ((seed + 37 * index) % 101 - 50) / 250.0


def norm(weights, prefix, x):
    scale, shift = weights[f"{prefix}.LayerNorm.weight"], weights[f"{prefix}.LayerNorm.bias"]
    return F.layer_norm(x, x.shape[-1:], scale, shift, CONFIG["layer_norm_eps"])


def linear(weights, prefix, x):
    return x @ weights[f"{prefix}.weight"].T + weights[f"{prefix}.bias"]


def gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def encode(weights):
    rows, length, h = BATCH["rows"], BATCH["length"], CONFIG["hidden_size"]
    heads = CONFIG["num_attention_heads"]
    ids = torch.tensor(BATCH["input_ids"]).reshape(rows, length)
    mask = torch.tensor(BATCH["attention_mask"]).reshape(rows, 1, 1, length)
    x = (
        weights["bert.embeddings.word_embeddings.weight"][ids]
        + weights["bert.embeddings.position_embeddings.weight"][:length]
        + weights["bert.embeddings.token_type_embeddings.weight"][0]
    )
    x = norm(weights, "bert.embeddings", x)
    for layer in range(CONFIG["num_hidden_layers"]):
        prefix = f"bert.encoder.layer.{layer}"
        split = lambda part: linear(weights, f"{prefix}.attention.self.{part}", x).reshape(
            rows, length, heads, h // heads).transpose(1, 2)
        scores = split("query") @ split("key").transpose(-1, -2) / math.sqrt(h // heads)
        scores = scores + (1.0 - mask) * -10000.0
        mixed = (scores.softmax(-1) @ split("value")).transpose(1, 2).reshape(rows, length, h)
        x = norm(weights, f"{prefix}.attention.output",
                 linear(weights, f"{prefix}.attention.output.dense", mixed) + x)
        wide = gelu(linear(weights, f"{prefix}.intermediate.dense", x))
        x = norm(weights, f"{prefix}.output", linear(weights, f"{prefix}.output.dense", wide) + x)
    return x.reshape(rows * length, h)


def transform(weights, prefix, x):
    return norm(weights, prefix, gelu(linear(weights, f"{prefix}.dense", x)))


def losses(weights):
    x, words = encode(weights), weights["bert.embeddings.word_embeddings.weight"]
    mlm, sbo = BATCH["mlm"], BATCH["sbo"]
    told = transform(weights, "cls.predictions.transform", x[mlm["places"]])
    logits = told @ words.T + weights["cls.predictions.bias"]
    mlm_loss = F.cross_entropy(logits, torch.tensor(mlm["pieces"]), reduction="sum")
    both = [x[sbo["left"]], x[sbo["right"]], weights["sbo.position_embeddings.weight"][sbo["offset"]]]
    told = transform(weights, "sbo.second", transform(weights, "sbo.first", torch.cat(both, 1)))
    logits = told @ words.T + weights["sbo.bias"]
    return mlm_loss, F.cross_entropy(logits, torch.tensor(sbo["pieces"]), reduction="sum")


def main():
    weights = {}
    for name, shape in shapes():
        flat = [value(name, index) for index in range(math.prod(shape))]
        weights[name] = torch.tensor(flat, dtype=torch.float64).reshape(shape).requires_grad_()
    mlm, sbo = losses(weights)
    # Means over the targets, as in training.
    total = mlm / len(BATCH["mlm"]["pieces"]) + sbo / len(BATCH["sbo"]["pieces"])
    total.backward()
    gradients = {}
    for name, weight in weights.items():
        grad = weight.grad
        # The long tables as a sum and a norm each, the others in full.
        if grad.numel() > 200:
            signs = torch.tensor([(-1.0) ** (index % 2) for index in range(grad.numel())]).reshape(grad.shape)
            gradients[name] = {"sum": (grad * signs).sum().item(), "norm": grad.norm().item()}
        else:
            gradients[name] = [float(f"{number:.9g}") for number in grad.flatten().tolist()]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    made = {"config": CONFIG, "batch": BATCH, "mlm": mlm.item(), "sbo": sbo.item(), "gradients": gradients}
    OUT.write_text(json.dumps(made, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
