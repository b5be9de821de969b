"""Writes tests/fixtures/checkpoints: a tiny BertForQuestionAnswering in every packing that loading must cope with.

    python tests/scripts/make_checkpoint_fixtures.py

Needs torch and safetensors. The weights come from a seeded generator and are exact in bfloat16, so that every file
holds the same values whatever its precision. Old packings that today's PyTorch no longer writes are assembled here.
"""

import collections
import io
import json
import pathlib
import pickle
import struct
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "fixtures" / "checkpoints"
CONFIG = {
    "vocab_size": 24,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 10,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}


def shapes():
    """Canonical names and shapes, in the order of the reference's modules."""
    hidden, wide = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    yield "bert.embeddings.word_embeddings.weight", (CONFIG["vocab_size"], hidden)
    yield "bert.embeddings.position_embeddings.weight", (CONFIG["max_position_embeddings"], hidden)
    yield "bert.embeddings.token_type_embeddings.weight", (CONFIG["type_vocab_size"], hidden)
    yield "bert.embeddings.LayerNorm.weight", (hidden,)
    yield "bert.embeddings.LayerNorm.bias", (hidden,)
    linears = {
        "attention.self.query": (hidden, hidden),
        "attention.self.key": (hidden, hidden),
        "attention.self.value": (hidden, hidden),
        "attention.output.dense": (hidden, hidden),
        "attention.output.LayerNorm": (hidden,),
        "intermediate.dense": (wide, hidden),
        "output.dense": (hidden, wide),
        "output.LayerNorm": (hidden,),
    }
    for layer in range(CONFIG["num_hidden_layers"]):
        for part, shape in linears.items():
            yield f"bert.encoder.layer.{layer}.{part}.weight", shape
            yield f"bert.encoder.layer.{layer}.{part}.bias", shape[:1]
    yield "bert.pooler.dense.weight", (hidden, hidden)
    yield "bert.pooler.dense.bias", (hidden,)
    yield "qa_outputs.weight", (2, hidden)
    yield "qa_outputs.bias", (2,)


def old_names(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def odd(state):
    """The same values as a transposed view, two views of one storage, a Parameter, doubles; and an integer buffer."""
    state = collections.OrderedDict(state)
    name = "bert.encoder.layer.0.intermediate.dense.weight"
    state[name] = state[name].t().contiguous().t()
    query, key = (f"bert.encoder.layer.1.attention.self.{part}.weight" for part in ("query", "key"))
    both = torch.cat([state[query], state[key]])
    state[query], state[key] = both[: len(both) // 2], both[len(both) // 2 :]
    state["qa_outputs.weight"] = torch.nn.Parameter(state["qa_outputs.weight"])
    state["qa_outputs.bias"] = state["qa_outputs.bias"].double()
    state["bert.embeddings.position_ids"] = torch.arange(CONFIG["max_position_embeddings"]).unsqueeze(0)
    return state


class Python2Pickler(pickle._Pickler):
    """Writes text as Python 2's byte strings and an OrderedDict as a list of pairs, as Python 2's PyTorch did."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, text):
        data = text.encode()
        if self.memo.get(id(text)):
            return self.write(self.get(self.memo[id(text)][0]))
        self.write(b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = save_text

    def reducer_override(self, value):
        if type(value) is collections.OrderedDict and value:
            return collections.OrderedDict, ([list(pair) for pair in value.items()],)
        return NotImplemented

    def persistent_id(self, value):
        if isinstance(value, torch.storage.TypedStorage):
            kind = getattr(torch, value.pickle_storage_type())
            return ("storage", kind, str(value._cdata), "cpu", value.size(), None)
        return None


def python2(state, path):
    """The legacy container as Python 2 wrote it."""
    storages = {str(t.storage()._cdata): t.storage() for t in state.values()}
    with open(path, "wb") as out:
        for value in (0x1950A86A20F9469CFC6C, 1001):
            pickle.dump(value, out, protocol=2)
        platform = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        for value in (platform, state, sorted(storages)):
            Python2Pickler(out, protocol=2).dump(value)
        for key in sorted(storages):
            out.write(struct.pack("<q", storages[key].size()))
            out.write(bytes(storages[key].untyped()))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20240607)
    state = collections.OrderedDict()
    for name, shape in shapes():
        values = torch.randn(shape, generator=generator) * 0.2 + (1.0 if name.endswith("LayerNorm.weight") else 0.0)
        # Seven bits of mantissa and moderate exponents are exact in half, bfloat16, single and double alike.
        state[name] = (values * 64).round().clamp(-127, 127) / 64
        assert torch.equal(state[name].half().float(), state[name].bfloat16().float())
    half = collections.OrderedDict((old_names(name), tensor.half()) for name, tensor in state.items())
    headless = collections.OrderedDict((n, t) for n, t in half.items() if not n.startswith("qa_outputs"))
    headless["cls.predictions.bias"] = torch.zeros(CONFIG["vocab_size"]).half()
    headless["cls.predictions.decoder.weight"] = headless["bert.embeddings.word_embeddings.weight"]
    bare = collections.OrderedDict((n[5:], t) for n, t in state.items() if n.startswith("bert."))
    with_metadata = collections.OrderedDict(state)
    with_metadata._metadata = collections.OrderedDict([("", {"version": 1}), ("bert", {"version": 1})])
    wrapped = {"epoch": 3, "state_dict": collections.OrderedDict(("module." + n, t) for n, t in state.items())}

    legacy = {"_use_new_zipfile_serialization": False}
    torch.save(with_metadata, OUT / "tiny_zip.bin")
    torch.save(dict(state), OUT / "tiny_zip_plain_dict.bin")
    torch.save(state, OUT / "tiny_legacy_fp32.bin", **legacy)
    torch.save(half, OUT / "tiny_legacy_fp16.bin", **legacy)
    torch.save(headless, OUT / "tiny_legacy_fp16_noqa.bin", **legacy)
    prefixed = collections.OrderedDict(("decoder." + n, t) for n, t in half.items())
    torch.save(prefixed, OUT / "tiny_legacy_fp16_decoder_prefix.bin", **legacy)
    torch.save(odd(state), OUT / "tiny_odd_zip.bin")
    torch.save(odd(state), OUT / "tiny_odd_legacy.bin", **legacy)
    torch.save(bare, OUT / "tiny_bare_encoder.bin")
    torch.save(state, OUT / "tiny_protocol4.bin", pickle_protocol=4)
    torch.save(wrapped, OUT / "tiny_wrapped.bin")
    # As training scripts and DeepSpeed save them, with an optimizer beside the model; and what cannot be told apart.
    moments = {"state": {0: {"step": 7, "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
    torch.save({"epoch": 3, "net_g": state, "optimizer": moments}, OUT / "tiny_nested.bin")
    engine = {"module": {"state_dict": wrapped["state_dict"]}, "optimizer": moments, "global_steps": 7}
    torch.save(engine, OUT / "tiny_deepspeed.bin")
    torch.save({"student": state, "teacher": state}, OUT / "tiny_two_models.bin")
    for number, part in enumerate((list(state)[:20], list(state)[20:]), start=1):
        torch.save({name: state[name] for name in part}, OUT / f"pytorch_model-0000{number}-of-00002.bin")
    python2(state, OUT / "tiny_python2.bin")
    save_file(dict(state), OUT / "tiny.safetensors", metadata={"format": "pt"})
    save_file({n: t.bfloat16() for n, t in state.items()}, OUT / "tiny_bf16.safetensors")
    save_file({n: t.double() for n, t in state.items()}, OUT / "tiny_f64.safetensors")
    (OUT / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")

    # Every file must read back in PyTorch itself, so that a mistake here is not mistaken for a format.
    for path in sorted(OUT.glob("*.bin")):
        loaded = torch.load(io.BytesIO(path.read_bytes()), weights_only=False)
        loaded = loaded.get("state_dict", loaded)
        sys.stdout.write(f"{path.name}: {len(loaded)} entries, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
