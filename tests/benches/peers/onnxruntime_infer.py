#!/usr/bin/env python3
"""Answering speed of BERT in ONNX Runtime, to set beside `spanbert bench infer`.

    python onnxruntime_infer.py --config base --batch 1 --length 384 --threads 2

transformers' BertForQuestionAnswering is exported with torch.onnx, its attention, GELU and LayerNorm are fused by
onnxruntime.transformers (`--fusion session` leaves that to the session alone), and the session runs with all graph
optimisations. With `--precision int8` the weights are quantised to signed bytes by onnxruntime.quantization, and
activations while the session runs (`quantize_dynamic`; `--per-channel` gives every output channel its scale). What comes
out is compared with PyTorch before anything is measured. One JSON object on standard output, under the names of
`spanbert bench`.
"""

import os
import tempfile
import types
import warnings

import numpy
import onnxruntime
import torch

import torch_bert
from common import Batches, environment, forward_flops, measure, report, speed_arguments, workloads

NAMES = ["input_ids", "token_type_ids", "attention_mask"]
TOLERANCE = {"f32": 1e-3, "int8": 0.5}


def export(model, path):
    """Writes the model with any number of rows and any length."""
    example = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in NAMES)
    axes = {name: {0: "rows", 1: "length"} for name in NAMES + ["start_logits", "end_logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The tracing exporter: the fusions below know the patterns it writes.
        torch.onnx.export(model, example, path, input_names=NAMES, output_names=["start_logits", "end_logits"],
                          dynamic_axes=axes, opset_version=17, dynamo=False)


def fuse(path, config):
    """Replaces the exported operations by ONNX Runtime's own for transformers; gives the number of each."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    fused = optimizer.optimize_model(path, model_type="bert", num_heads=config["num_attention_heads"],
                                     hidden_size=config["hidden_size"], optimization_options=FusionOptions("bert"),
                                     opt_level=0)
    fused.save_model_to_file(path)
    return {name: count for name, count in fused.get_fused_operator_statistics().items() if count}


def quantize(path, per_channel):
    """Replaces the weights by signed bytes; gives the number of each quantised operation."""
    import collections

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Shapes of the fused operations are not known to the quantiser.
    quantize_dynamic(path, path, weight_type=QuantType.QInt8, per_channel=per_channel,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    kinds = collections.Counter(node.op_type for node in onnx.load(path).graph.node)
    return {name: kinds[name] for name in ("QAttention", "MatMulInteger", "DynamicQuantizeLinear") if kinds[name]}


def main():
    parser = speed_arguments(__doc__, batch=8, devices=("cpu",))
    parser.add_argument("--fusion", default="offline", choices=["offline", "session"])
    parser.add_argument("--per-channel", action="store_true", help="int8: a scale for every output channel")
    options = parser.parse_args()
    if options.precision not in TOLERANCE:
        raise SystemExit("f32 and int8 only")
    options = types.SimpleNamespace(**vars(options), model_impl="transformers", compile=False, no_tf32=True)
    model, config, _ = torch_bert.build(options)
    model.eval()
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    settings.intra_op_num_threads = options.threads or 0
    settings.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        # Attention in plain operations is the pattern that is fused.
        model.model.set_attn_implementation("eager")
        export(model, path)
        fusions = fuse(path, config) if options.fusion == "offline" else {}
        quantized = quantize(path, options.per_channel) if options.precision == "int8" else {}
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    batches = Batches(config["vocab_size"], options.seed)

    def feed(rows, length, number):
        batch = batches.of(rows, length, number)
        return {name: batch[name] for name in NAMES}

    sample = feed(2, min(64, config["max_position_embeddings"]), 0)
    with torch.inference_mode():
        expected = model(**{name: torch.from_numpy(values) for name, values in sample.items()})
    difference = max(float(numpy.abs(ours - theirs.numpy()).max())
                     for ours, theirs in zip(session.run(None, sample), expected))
    if difference > TOLERANCE[options.precision]:
        raise SystemExit(f"ONNX Runtime's logits are {difference} away from PyTorch's")
    del model

    rows = [
        measure(lambda rows, length, number: session.run(None, feed(rows, length, number)), lambda: None, name, shapes,
                tokens, lambda rows, length: forward_flops(config, rows, length), options)
        for name, shapes, tokens in workloads(options)
    ]
    report("infer", "onnxruntime",
           environment(onnxruntime=onnxruntime.__version__, torch=torch.__version__,
                       threads=options.threads or os.cpu_count()),
           rows, options.output, precision=options.precision, fusion=options.fusion, fused=fusions,
           quantized=quantized, difference_from_pytorch=difference, model={"name": options.model or options.config, **config})


if __name__ == "__main__":
    main()
