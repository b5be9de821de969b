"""The fine-tuning recipe of run_squad.py in PyTorch, for the scripts beside this file.

Model, loss, learning rate and optimizer, written from the behaviour of facebookresearch/SpanBERT so that they can
check this repository's own implementation: see `pytorch_losses.py` and `pytorch_finetune.py`.
"""

import json
import os

import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import BertConfig, BertForQuestionAnswering

MASKED = -10000.0
"""Added to the attention scores of padded positions."""


def read_config(model_folder, dropout=None):
    """`config.json` of a Hugging Face folder; `dropout` replaces both dropout rates."""
    with open(os.path.join(model_folder, "config.json"), encoding="utf-8") as file:
        fields = json.load(file)
    if dropout is not None:
        fields["hidden_dropout_prob"] = fields["attention_probs_dropout_prob"] = dropout
    fields.pop("architectures", None)
    return BertConfig(**fields)


def load_model(config, weights_file, attention="eager", fresh_head_seed=None):
    """BERT with the two-logit head, and the weights of a safetensors file with Hugging Face names.

    Names may lack the `bert.` prefix. The pooler, pre-training heads and stored position ids are left out. Without a
    head in the file, `fresh_head_seed` must be given: the head is then drawn from normal(0, 0.02).
    """
    config._attn_implementation = attention
    model = BertForQuestionAnswering(config)
    weights = {}
    for name, tensor in load_file(weights_file).items():
        name = name if name.startswith(("bert.", "qa_outputs.", "cls.")) else "bert." + name
        if not name.startswith(("bert.pooler.", "cls.")) and not name.endswith("position_ids"):
            weights[name] = tensor.float()
    if fresh_head_seed is not None and "qa_outputs.weight" not in weights:
        generator = torch.Generator().manual_seed(fresh_head_seed)
        weights["qa_outputs.weight"] = 0.02 * torch.randn(2, config.hidden_size, generator=generator)
        weights["qa_outputs.bias"] = torch.zeros(2)
    report = model.load_state_dict(weights, strict=False)
    missing = [name for name in report.missing_keys if not name.endswith("position_ids")]
    if missing or report.unexpected_keys:
        raise SystemExit(f"{weights_file}: missing {missing}, unexpected {report.unexpected_keys}")
    return model


def qa_logits(model, batch):
    """Start and end logits `[rows, length]`, masked as the reference does it: -10000 on padded keys."""
    mask = (1 - batch["attention_mask"][:, None, None, :]).to(model.dtype) * MASKED
    rows, length = batch["input_ids"].shape
    output = model(
        input_ids=batch["input_ids"].long(),
        token_type_ids=batch["segment_ids"].long(),
        attention_mask=mask.expand(rows, 1, length, length),
    )
    return output.start_logits, output.end_logits


def qa_loss(start_logits, end_logits, start_positions, end_positions):
    """Mean of the start and end cross-entropies over all positions, padding included.

    Targets are clamped to `[0, length]`; a target equal to the length is ignored.
    """
    length = start_logits.shape[1]
    dtype = torch.promote_types(start_logits.dtype, torch.float32)
    losses = [
        functional.cross_entropy(logits.to(dtype), positions.long().clamp(0, length), ignore_index=length)
        for logits, positions in ((start_logits, start_positions), (end_logits, end_positions))
    ]
    return (losses[0] + losses[1]) / 2


def warmup_linear(progress, warmup):
    """Factor of the learning rate: up to 1 at `warmup`, down to 0 at the end, 0 beyond it. `progress` is in 0..1."""
    if progress < warmup:
        return progress / warmup
    return max((progress - 1.0) / (warmup - 1.0), 0.0)


class BertAdam:
    """The reference's f32 optimizer.

    Adam without bias correction, each parameter's gradient clipped to norm 1 on its own, decoupled weight decay
    scaled by the learning rate, none on biases and LayerNorm. The first update has learning rate 0.
    """

    BETA1, BETA2, EPSILON, DECAY, CLIP = 0.9, 0.999, 1e-6, 0.01, 1.0
    UNDECAYED = ("bias", "LayerNorm.weight")

    def __init__(self, model, learning_rate, warmup, total_steps):
        self.parameters = [(name, parameter) for name, parameter in model.named_parameters() if "pooler" not in name]
        self.first = [torch.zeros_like(parameter) for _, parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for _, parameter in self.parameters]
        self.learning_rate, self.warmup, self.total_steps = learning_rate, warmup, total_steps
        self.done = 0

    def next_learning_rate(self):
        """The learning rate that the next `step` applies."""
        return self.learning_rate * warmup_linear(self.done / self.total_steps, self.warmup)

    @torch.no_grad()
    def step(self):
        """Updates every parameter from its gradient and clears the gradient."""
        rate = self.next_learning_rate()
        for (name, parameter), first, second in zip(self.parameters, self.first, self.second):
            gradient = parameter.grad
            gradient.mul_((self.CLIP / (gradient.norm() + 1e-6)).clamp(max=1.0))
            first.mul_(self.BETA1).add_(gradient, alpha=1 - self.BETA1)
            second.mul_(self.BETA2).addcmul_(gradient, gradient, value=1 - self.BETA2)
            update = first / (second.sqrt() + self.EPSILON)
            if not any(word in name for word in self.UNDECAYED):
                update.add_(parameter, alpha=self.DECAY)
            parameter.sub_(update, alpha=rate)
            parameter.grad = None
        self.done += 1
