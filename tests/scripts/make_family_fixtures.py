"""Writes tests/fixtures/families: tiny checkpoints of every family and what `transformers` computes of them.

    python tests/scripts/make_family_fixtures.py [--real FOLDER]

Needs torch, transformers and safetensors. Each folder is as `save_pretrained` writes it, with config.json and random weights,
and beside it expected.safetensors: inputs, logits, the loss and every parameter's gradient, by the names of the checkpoint.
Checkpoints of pre-training are saved with torch.save, as pytorch_model.bin; of those for masked language modelling
expected.safetensors has inputs, labels (-100 where nothing is masked), the loss and the gradients.

With --real, folders of the same kind with the sizes of the published models are written there instead: give it to the test
as SPANBERT_FAMILIES.
"""

import argparse
import pathlib

import torch
import transformers
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "families"
TINY = {
    "distilbert": dict(dim=12, n_layers=2, n_heads=3, hidden_dim=24),
    "electra": dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=24),
    "both": dict(vocab_size=24, max_position_embeddings=12, initializer_range=0.4),
}
NO_DROPOUT = {
    "distilbert": dict(dropout=0.0, attention_dropout=0.0, qa_dropout=0.0),
    "electra": dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
}
IDS = [[2, 5, 9, 3, 11, 17, 20, 3], [2, 6, 3, 8, 23, 3, 0, 0]]
SEGMENTS = [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]]
MASK = [[1] * 8, [1] * 6 + [0] * 2]
START, END = [4, 3], [6, 5]
LABELS = [-100, 7, -100, -100, 11, 12, -100, -100]


def config_of(family, **changed):
    kind = {"distilbert": transformers.DistilBertConfig, "electra": transformers.ElectraConfig}[family]
    return kind(**NO_DROPOUT[family], **changed)


def randomized(model):
    """Every parameter moved away from its usual start, biases and LayerNorms too."""
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.dim() == 1 else 0.0))
    return model.eval()


def batch(length=None, vocabulary=None):
    """The batch of the tiny models, or a random one of this length."""
    if length is None:
        return [torch.tensor(values) for values in (IDS, SEGMENTS, MASK, START, END)]
    ids = torch.randint(5, vocabulary, (2, length))
    segments = (torch.arange(length) >= length // 4).long().repeat(2, 1)
    mask = torch.ones(2, length, dtype=torch.long)
    mask[1, length - length // 3 :] = 0
    ids, segments = ids * mask, segments * mask
    return [ids, segments, mask, torch.tensor([length // 2, 0]), torch.tensor([length // 2 + 3, 0])]


def write(folder, config, inputs):
    config.architectures = None
    model = transformers.AutoModelForQuestionAnswering.from_config(config, attn_implementation="eager")
    randomized(model)
    model.save_pretrained(folder)
    ids, segments, mask, start, end = inputs
    types = {} if config.model_type == "distilbert" else {"token_type_ids": segments}
    output = model(ids, attention_mask=mask, start_positions=start, end_positions=end, **types)
    output.loss.backward()
    expected = {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    padding = next(name for name in expected if name.endswith("word_embeddings.weight"))
    assert not expected[padding][config.pad_token_id].any(), "the padding row has a gradient"
    named = {"input_ids": ids, "segment_ids": segments, "attention_mask": mask, "start": start, "end": end}
    expected.update({name: value.float() for name, value in named.items()})
    expected.update(start_logits=output.start_logits, end_logits=output.end_logits, loss=output.loss.reshape(1))
    save_file({name: value.detach().contiguous() for name, value in expected.items()}, folder / "expected.safetensors")


def write_pretraining(folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    randomized(model).config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    if "MaskedLM" not in type(model).__name__:
        return
    ids, segments, labels = torch.tensor(IDS[:1]), torch.tensor(SEGMENTS[:1]), torch.tensor([LABELS])
    types = {} if model.config.model_type == "distilbert" else {"token_type_ids": segments}
    loss = model(ids, labels=labels, **types).loss
    loss.backward()
    expected = {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    expected.update(input_ids=ids.float(), segment_ids=segments.float(), labels=labels.float(), loss=loss.reshape(1))
    save_file({name: value.detach().contiguous() for name, value in expected.items()}, folder / "expected.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", type=pathlib.Path)
    real = parser.parse_args().real
    torch.manual_seed(0)
    if real:
        for family in ["distilbert", "electra"]:
            config = config_of(family)
            write(real / family, config, batch(128, config.vocab_size))
        return
    tiny = {family: config_of(family, **TINY[family], **TINY["both"]) for family in ["distilbert", "electra"]}
    write(FIXTURES / "distilbert", tiny["distilbert"], batch())
    for name, width in [("electra-small", 8), ("electra-base", 12)]:
        tiny["electra"].embedding_size = width
        write(FIXTURES / name, tiny["electra"], batch())
    tiny["electra"].embedding_size = 8
    write_pretraining(FIXTURES / "electra-discriminator", transformers.ElectraForPreTraining(tiny["electra"]))
    write_pretraining(FIXTURES / "electra-generator", transformers.ElectraForMaskedLM(tiny["electra"]))
    write_pretraining(FIXTURES / "distilbert-mlm", transformers.DistilBertForMaskedLM(tiny["distilbert"]))


if __name__ == "__main__":
    main()
