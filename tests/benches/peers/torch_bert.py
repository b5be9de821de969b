"""BERT with a question-answering head in PyTorch: transformers' own, or a small one for machines that have only torch.

Both run attention through `torch.nn.functional.scaled_dot_product_attention`.
"""

import os

import torch
from torch import nn
from torch.nn import functional

from common import architecture, read_safetensors


class Layer(nn.Module):
    """Post-norm transformer layer; names as in Hugging Face checkpoints."""

    def __init__(self, config):
        super().__init__()
        hidden, wide = config["hidden_size"], config["intermediate_size"]
        self.heads, self.attention_dropout = config["num_attention_heads"], config["attention_probs_dropout_prob"]

        def norm():
            return nn.LayerNorm(hidden, eps=config["layer_norm_eps"])

        self.attention = nn.ModuleDict({
            "self": nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in ("query", "key", "value")}),
            "output": nn.ModuleDict({"dense": nn.Linear(hidden, hidden), "LayerNorm": norm()}),
        })
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, wide)})
        self.output = nn.ModuleDict({"dense": nn.Linear(wide, hidden), "LayerNorm": norm()})
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])

    def forward(self, hidden, mask):
        rows, length, width = hidden.shape

        def heads(linear):
            return linear(hidden).view(rows, length, self.heads, width // self.heads).transpose(1, 2)

        own, after = self.attention["self"], self.attention["output"]
        context = functional.scaled_dot_product_attention(
            heads(own["query"]), heads(own["key"]), heads(own["value"]), attn_mask=mask,
            dropout_p=self.attention_dropout if self.training else 0.0,
        )
        context = context.transpose(1, 2).reshape(rows, length, width)
        hidden = after["LayerNorm"](hidden + self.dropout(after["dense"](context)))
        wide = functional.gelu(self.intermediate["dense"](hidden))
        return self.output["LayerNorm"](hidden + self.dropout(self.output["dense"](wide)))


class Embeddings(nn.Module):
    """Words, positions and segments."""

    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.word_embeddings = nn.Embedding(config["vocab_size"], hidden, padding_idx=config["pad_token_id"])
        self.position_embeddings = nn.Embedding(config["max_position_embeddings"], hidden)
        self.token_type_embeddings = nn.Embedding(config["type_vocab_size"], hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])

    def forward(self, input_ids, token_type_ids):
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        total = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        return self.dropout(self.LayerNorm(total + self.position_embeddings(positions)))


class TorchBert(nn.Module):
    """The model on torch alone."""

    def __init__(self, config):
        super().__init__()
        layers = nn.ModuleList([Layer(config) for _ in range(config["num_hidden_layers"])])
        self.bert = nn.ModuleDict({
            "embeddings": Embeddings(config), "encoder": nn.ModuleDict({"layer": layers}),
        })
        self.qa_outputs = nn.Linear(config["hidden_size"], 2)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=config["initializer_range"])
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, input_ids, token_type_ids, attention_mask):
        mask = attention_mask[:, None, None, :].bool()
        hidden = self.bert["embeddings"](input_ids, token_type_ids)
        for layer in self.bert["encoder"]["layer"]:
            hidden = layer(hidden, mask)
        start, end = self.qa_outputs(hidden).unbind(-1)
        return start, end


class TransformersBert(nn.Module):
    """transformers' BertForQuestionAnswering with the same interface."""

    def __init__(self, config):
        super().__init__()
        import transformers

        settings = transformers.BertConfig(**config)
        settings._attn_implementation = "sdpa"
        self.model = transformers.BertForQuestionAnswering(settings)

    def forward(self, input_ids, token_type_ids, attention_mask):
        output = self.model(input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask)
        return output.start_logits, output.end_logits


def choose(implementation):
    """`auto` is transformers where it is installed."""
    if implementation != "auto":
        return implementation
    try:
        import transformers  # noqa: F401
    except ImportError:
        return "torch"
    return "transformers"


def add_arguments(parser):
    """Flags of every script that runs the model in PyTorch."""
    parser.add_argument("--model-impl", default="auto", choices=["auto", "transformers", "torch"])
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--no-tf32", action="store_true", help="true f32 matrix products on CUDA; ours use TF32")


def build(options, dropout=None):
    """The model on its device, its architecture, and which implementation it is."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("highest" if options.no_tf32 or options.device == "cpu" else "high")
    config = architecture(options.model or options.config)
    if dropout is not None:
        config["hidden_dropout_prob"] = config["attention_probs_dropout_prob"] = dropout
    implementation = choose(options.model_impl)
    model = (TransformersBert if implementation == "transformers" else TorchBert)(config)
    if options.model:
        load(model, options.model)
    model = model.to(options.device)
    return (torch.compile(model) if options.compile else model), config, implementation


def load(model, folder):
    """Weights of a Hugging Face folder; what it lacks (the head) stays random."""
    target = model.model if isinstance(model, TransformersBert) else model
    weights = {}
    for name, values in read_safetensors(os.path.join(folder, "model.safetensors")).items():
        name = name if name.startswith(("bert.", "qa_outputs.", "cls.")) else "bert." + name
        if not name.startswith(("bert.pooler.", "cls.")) and not name.endswith("position_ids"):
            weights[name] = torch.from_numpy(values.copy()).float()
    report = target.load_state_dict(weights, strict=False)
    missing = [name for name in report.missing_keys if not name.startswith("qa_outputs.")]
    if missing or report.unexpected_keys:
        raise SystemExit(f"{folder}: missing {missing}, unexpected {report.unexpected_keys}")


def autocast(options):
    """The context in which forward passes run."""
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(options.precision)
    return torch.autocast(options.device, dtype=kind, enabled=kind is not None)


def waiter(options):
    """What waits for the device."""
    return torch.cuda.synchronize if options.device == "cuda" else (lambda: None)


def device_bytes(options):
    """What reads the memory taken from the device."""
    return torch.cuda.max_memory_reserved if options.device == "cuda" else (lambda: None)


def surroundings(options):
    """Versions, threads and device."""
    name = torch.cuda.get_device_name() if options.device == "cuda" else None
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": {"name": name}}


def mover(options):
    """Puts a batch of NumPy arrays on the device, without waiting where that is possible."""
    pin = options.device == "cuda"

    def move(batch):
        tensors = {name: torch.from_numpy(values) for name, values in batch.items()}
        if pin:
            tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}
        return {name: tensor.to(options.device, non_blocking=True) for name, tensor in tensors.items()}

    return move
