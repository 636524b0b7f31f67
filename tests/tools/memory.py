#!/usr/bin/env python3
"""memory.py TERN: loading and running a model on the cpu takes the file, the cache, a tenth, and the program itself."""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

from support import expect, finish

if os.environ.get("TERN_TESTS_SANITIZED"):
    print("skipped: a sanitizer's shadow is not the program's memory")
    sys.exit(77)

D, F, V, LAYERS, HEADS, CONTEXT = 1024, 4096, 8192, 12, 8, 256
CACHE = 2 * LAYERS * CONTEXT * D * 2
PROGRAM = 20 << 20  # of the program, its libraries and its scratch: 12 MB before it opens a model
U32, FLOAT, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
F32, F16, TQ2_0, I2_S = 0, 1, 35, 36


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + (text(value) if kind == STRING else struct.pack("<f" if kind == FLOAT else "<I", value))


def array(name, kind, values):
    body = b"".join(map(text, values)) if kind == STRING else struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'i'}", *values)
    return text(name) + struct.pack("<IIQ", ARRAY, kind, len(values)) + body


def ternary(count, kind):
    """Codes 0, 1, 2 by turns; one scale, or the same for each block of 256."""
    if kind == I2_S:
        return b"\x24" * (count // 4) + struct.pack("<f", 0.02) + b"\0" * 28
    return (b"\x24" * 64 + struct.pack("<e", 0.02)) * (count // 256)


def tensors(kind):
    yield "token_embd.weight", (D, V), F16, b"\0" * (2 * D * V)
    yield "output_norm.weight", (D,), F32, struct.pack("<f", 1.0) * D
    for layer in range(LAYERS):
        for name, n in (("attn_norm", D), ("attn_sub_norm", D), ("ffn_norm", D), ("ffn_sub_norm", F)):
            yield f"blk.{layer}.{name}.weight", (n,), F32, struct.pack("<f", 1.0) * n
        for name, k, n in (("attn_q", D, D), ("attn_k", D, D), ("attn_v", D, D), ("attn_output", D, D), ("ffn_gate", D, F),
                           ("ffn_up", D, F), ("ffn_down", F, D)):
            yield f"blk.{layer}.{name}.weight", (k, n), kind, ternary(k * n, kind)


def write_model(path, kind, context):
    arch = "bitnet-b1.58"
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + [f"w{i}" for i in range(259, V)]
    keys = [key("general.architecture", STRING, arch), key("general.alignment", U32, 32),
            key(f"{arch}.context_length", U32, context), key(f"{arch}.embedding_length", U32, D),
            key(f"{arch}.block_count", U32, LAYERS), key(f"{arch}.feed_forward_length", U32, F),
            key(f"{arch}.attention.head_count", U32, HEADS), key(f"{arch}.rope.dimension_count", U32, D // HEADS),
            key(f"{arch}.rope.freq_base", FLOAT, 10000.0), key(f"{arch}.attention.layer_norm_rms_epsilon", FLOAT, 1e-5),
            key("tokenizer.ggml.model", STRING, "llama"), array("tokenizer.ggml.tokens", STRING, words),
            array("tokenizer.ggml.scores", FLOAT, [0.0] * V),
            array("tokenizer.ggml.token_type", I32, [2, 3, 3] + [6] * 256 + [1] * (V - 259)),
            key("tokenizer.ggml.bos_token_id", U32, 1), key("tokenizer.ggml.eos_token_id", U32, 2)]
    listed = list(tensors(kind))
    head, at = struct.pack("<4sIQQ", b"GGUF", 3, len(listed), len(keys)) + b"".join(keys), 0
    for name, shape, dtype, data in listed:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, dtype, at)
        at += len(data) + -len(data) % 32
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for *_, data in listed:
            file.write(data + b"\0" * (-len(data) % 32))


def peak(*args):
    """The exit status and the most memory that the program had at once."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TERN_")}
    child = subprocess.Popen(list(map(str, args)), env={**clean, "TERN_CACHE": "off"}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# The last one claims a context whose cache no machine could hold; room is made for what is asked for.
for kind, name, context in ((I2_S, "I2_S", CONTEXT), (TQ2_0, "TQ2_0", CONTEXT), (TQ2_0, "TQ2_0 for long texts", 1 << 28)):
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "model.gguf"
        write_model(model, kind, context)
        allowed = int((model.stat().st_size + CACHE) * 1.1) + PROGRAM
        for args in (["logits", "--ids", "1,2,3,4"], ["run", "-n", "4"]):
            status, most = peak(sys.argv[1], *args, "-m", model, "--backend", "cpu")
            expect(status == 0, f"{name}: {args[0]} works")
            expect(most <= allowed, f"{name}: {most} bytes at most, allowed are {allowed} for a file of {model.stat().st_size}")
            print(f"{name}, {args[0]}: {most} bytes, allowed {allowed}")
finish(12)
