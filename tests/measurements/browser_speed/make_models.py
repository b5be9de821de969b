"""A BERT of a known shape with random weights, as a checkpoint and as ONNX: python make_models.py SHAPE FOLDER."""

import json
import sys
from pathlib import Path

import torch
from transformers import BertConfig, BertForQuestionAnswering

LENGTH = 384
SHAPES = {
    # Layers, hidden, heads, intermediate: MiniLM-L6-H384, and BERT-base and with it SpanBERT-base.
    "minilm": (6, 384, 12, 1536),
    "base": (12, 768, 12, 3072),
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


class Logits(torch.nn.Module):
    """Start and end logits alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        out = self.model(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return out.start_logits, out.end_logits


def main():
    shape, folder = sys.argv[1], Path(sys.argv[2])
    layers, hidden, heads, intermediate = SHAPES[shape]
    torch.manual_seed(1)
    config = BertConfig(
        num_hidden_layers=layers,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        # As optimum exports models for transformers.js: onnxruntime knows this form of attention and fuses it.
        attn_implementation="eager",
    )
    model = BertForQuestionAnswering(config).eval()
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    # Every word of `measure.mjs` is one piece, whose number is its id.
    words = [f"w{index}" for index in range(len(SPECIAL), config.vocab_size)]
    (folder / "vocab.txt").write_text("\n".join(SPECIAL + words) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    inputs = tuple(torch.ones(1, LENGTH, dtype=torch.int64) for _ in range(3))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Logits(model), inputs, str(folder / "model.onnx"), input_names=names, output_names=["start", "end"],
        opset_version=17, dynamo=False,
    )


main()
