#!/usr/bin/env python3
"""real_values.py TERN: values of the real BitNet b1.58 2B-4T (test data): its embedding rows and first norm, put into a small
model of the same width whose other weights are noise, give the norm outputs that the published runtime gave."""
import gzip
import json
import pathlib
import random
import struct
import sys
import tempfile

from support import DATA, expect, finish, run

tern = sys.argv[1]
source = DATA / "data/bitnet2b-reference/layer_vectors.json.gz"
if not source.is_file():
    print(f"skipped: no {source}")
    sys.exit(77)
real = json.loads(gzip.decompress(source.read_bytes()))
WIDTH, HEADS, KV, HEAD, FFN = 2560, 20, 5, 128, 128
U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
draw = random.Random(7)


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def key(name, kind, value):
    return string(name) + struct.pack("<I", kind) + value


def array(kind, items):
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def noise(count):
    """Codes 0 to 2 in every field, then the scale of I2_S."""
    valid = [a | b << 2 | c << 4 | d << 6 for a in range(3) for b in range(3) for c in range(3) for d in range(3)]
    return bytes(draw.choices(valid, k=count // 4)) + struct.pack("<f", 0.02) + bytes(28)


cases = real["test_cases"]
for token, case in enumerate(cases):
    case["token_id"] = token
rows = b"".join(bytes.fromhex(case["raw"]["row_bytes_hex"]) for case in cases)
norm = bytes.fromhex(real["first_layer_rms_norm_metadata"]["weight"]["raw"]["tensor_bytes_hex"])
ones = {size: struct.pack("<f", 1.0) * size for size in (WIDTH, FFN)}
tensors = [("token_embd.weight", (WIDTH, len(cases)), 1, rows), ("output_norm.weight", (WIDTH,), 0, ones[WIDTH]),
           ("blk.0.attn_norm.weight", (WIDTH,), 0, norm), ("blk.0.attn_sub_norm.weight", (WIDTH,), 0, ones[WIDTH]),
           ("blk.0.ffn_norm.weight", (WIDTH,), 0, ones[WIDTH]), ("blk.0.ffn_sub_norm.weight", (FFN,), 0, ones[FFN])]
for stem, cols, out in (("attn_q", WIDTH, HEADS * HEAD), ("attn_k", WIDTH, KV * HEAD), ("attn_v", WIDTH, KV * HEAD),
                        ("attn_output", WIDTH, WIDTH), ("ffn_gate", WIDTH, FFN), ("ffn_up", WIDTH, FFN), ("ffn_down", FFN, WIDTH)):
    tensors.append((f"blk.0.{stem}.weight", (cols, out), 36, noise(cols * out)))

words = ["<unk>", "<s>", "</s>", "a", "b", "c", "d", "e"][:len(cases)]
arch = "bitnet-b1.58"
keys = [key("general.architecture", STRING, string(arch)), key("tokenizer.ggml.model", STRING, string("llama")),
        key("tokenizer.ggml.tokens", ARRAY, array(STRING, [string(word) for word in words])),
        key("tokenizer.ggml.scores", ARRAY, array(F32, [struct.pack("<f", 0)] * len(words))),
        key("tokenizer.ggml.token_type", ARRAY, array(I32, [struct.pack("<i", kind) for kind in [2, 3, 3] + [1] * (len(words) - 3)])),
        key(f"{arch}.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5))]
for name, value in (("block_count", 1), ("embedding_length", WIDTH), ("feed_forward_length", FFN), ("context_length", 64),
                    ("attention.head_count", HEADS), ("attention.head_count_kv", KV)):
    keys.append(key(f"{arch}.{name}", U32, struct.pack("<I", value)))
header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys)
body = b""
for name, shape, kind, data in tensors:
    header += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(body))
    body += data + bytes(-len(data) % 32)

with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder, "real.gguf")
    model.write_bytes(header + bytes(-len(header) % 32) + body)
    values = pathlib.Path(folder, "bitnet2b-reference")
    values.mkdir()
    for name in ("embedding_vectors", "layer_vectors"):
        (values / f"{name}.json").write_text(json.dumps(real))
    done = run(tern, "verify", model, "--data", folder)
    found = {line[6:].split(":")[0]: line[:4] for line in done.stdout.decode().splitlines()}
    for what in ["embedding rows", "first norm's weights"] + [f"first norm of token {i}" for i in range(len(cases))]:
        expect(found.get(what) == "pass", what, done)
finish(2 + len(cases))
