#!/usr/bin/env python3
"""verify.py TERN: `tern verify` passes what is right and fails what is not, line by line. The real model is not at hand, so
values of a small one are computed here, in float64 from the published formulas, and given in the form of the real ones."""
import gzip
import hashlib
import json
import math
import pathlib
import struct
import sys
import tempfile

from gguf_edit import ARRAY, STRING, Gguf
from support import expect, expect_line, find_model, finish, run

tern = sys.argv[1]
path = find_model("rand-b158-i2_s.gguf")
file = Gguf(path)
folder = tempfile.TemporaryDirectory()
data = pathlib.Path(folder.name)
(data / "bitnet2b-reference").mkdir()
WIDTH, EPS = 384, 1e-5


def row_bytes(token):
    start = file.start("token_embd.weight") + token * WIDTH * 2
    return bytes(file.data[start:start + WIDTH * 2])


def matrix(name):
    """Scale and rows of -1, 0 and 1 (formats: I2_S)."""
    cols, rows = file.tensors[name]["shape"]
    start = file.start(name)
    flat = []
    for block in range(rows * cols // 128):
        packed = file.data[start + 32 * block:start + 32 * block + 32]
        flat += [(packed[i % 32] >> (6 - 2 * (i // 32)) & 3) - 1 for i in range(128)]
    scale = struct.unpack_from("<f", file.data, start + rows * cols // 4)[0]
    return scale, [flat[r * cols:(r + 1) * cols] for r in range(rows)]


def bitlinear(x, weights):
    scale, rows = weights
    largest = max(max(map(abs, x)), 1e-5)
    q = [max(-128, min(127, round(v * 127 / largest))) for v in x]
    return [sum(a * b for a, b in zip(q, row)) * largest / 127 * scale for row in rows]


weights = list(struct.unpack_from(f"<{WIDTH}f", file.data, file.start("blk.0.attn_norm.weight")))
projections = {values: matrix(f"blk.0.attn_{name}.weight") for name, values in (("q", "qcur"), ("k", "kcur"), ("v", "vcur"))}
cases = []
for token in (5, 300):
    raw = row_bytes(token)
    x = list(struct.unpack(f"<{WIDTH}e", raw))
    factor = 1 / math.sqrt(sum(v * v for v in x) / WIDTH + EPS)
    normed = [v * factor * w for v, w in zip(x, weights)]
    cases.append({"token_id": token, "raw": {"row_size_bytes": len(raw), "row_bytes_hex": raw.hex()}, "dequantized": {"values": x},
                  "first_layer_rms_norm": {"values": normed},
                  "first_layer_attn_qkv": {values: bitlinear(normed, w) for values, w in projections.items()}})
norm = struct.pack(f"<{WIDTH}f", *weights).hex()
layer = {"first_layer_rms_norm_metadata": {"eps": EPS, "weight": {"raw": {"tensor_bytes_hex": norm}}}, "test_cases": cases}


def write(name, value):
    (data / "bitnet2b-reference" / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(value).encode()))


def lines(*args):
    done = run(tern, "verify", path, *args)
    found = {}
    for line in done.stdout.decode().splitlines():
        verdict, _, rest = line.partition("  ")
        found[rest.split(":")[0]] = verdict
    return done, found


# without data: what can be had is checked, the rest is named as skipped
done, found = lines()
expect(done.returncode == 1 and found["sha256"] == "FAIL" and found["size"] == "FAIL", "another file", done)
expect(hashlib.sha256(bytes(file.data)).hexdigest().encode() in done.stdout, "its hash is printed", done)
expect([found[k] for k in ("token ids", "embedding rows", "first layer", "perplexity")] == ["skip"] * 4, "skipped by name", done)

# with right values
write("embedding_vectors", {"test_cases": cases})
write("layer_vectors", layer)
ids = run(tern, "tokenize", "-m", path, "-p", "hello", "--ids").stdout.decode()
ids = [int(word) for word in ids.replace(",", " ").split()]
tokens = {"test_cases": [{"text": "hello", "add_bos": True, "token_ids": ids}]}
(data / "bitnet2b-reference/standard_tokens.json").write_text(json.dumps(tokens))
WHAT = ["embedding rows", "first norm's weights", "token ids of 'hello'"] + [
    f"{what} of token {token}" for token in (5, 300)
    for what in ("first norm", "blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight")]
done, found = lines("--data", data, "--no-perplexity")
for what in WHAT:
    expect(found.get(what) == "pass", what, done)

# with wrong ones
cases[0]["raw"]["row_bytes_hex"] = "00" + cases[0]["raw"]["row_bytes_hex"][2:]
write("embedding_vectors", {"test_cases": cases})
cases[1]["first_layer_rms_norm"]["values"][7] += 0.01
cases[1]["first_layer_attn_qkv"]["kcur"][0] += 3
layer["first_layer_rms_norm_metadata"]["weight"]["raw"]["tensor_bytes_hex"] = "01" + norm[2:]
write("layer_vectors", layer)
tokens["test_cases"][0]["token_ids"] = ids[:-1] + [ids[-1] ^ 1]
(data / "bitnet2b-reference/standard_tokens.json").write_text(json.dumps(tokens))
done, found = lines("--data", data, "--no-perplexity")
for what in WHAT:
    wrong = what in ("embedding rows", "first norm's weights", "token ids of 'hello'", "first norm of token 300",
                     "blk.0.attn_k.weight of token 300")
    expect(found.get(what) == ("FAIL" if wrong else "pass"), f"{what} spoiled: {wrong}", done)

# data that are broken are no pass and no skip
write("embedding_vectors", {"test_cases": [{"token_id": 5}, {"token_id": 6, "raw": {"row_size_bytes": 0}}]})
write("layer_vectors", layer)
(data / "bitnet2b-reference/standard_tokens.json").write_text("{")
done, found = lines("--data", data, "--no-perplexity")
expect(done.returncode == 1 and found.get("embedding rows") == "FAIL", "rows without bytes", done)
expect(found.get("token ids") == "FAIL" and b"standard_tokens.json" in done.stdout, "no JSON", done)

# a file that names no pre-tokenizer: the ids of a runtime that then takes "default" are right too, and others are not
def text(word):
    return struct.pack("<Q", len(word)) + word.encode()


def texts(words):
    return struct.pack("<IQ", STRING, len(words)) + b"".join(map(text, words))


unnamed = Gguf(path)
for key in ("model", "tokens", "scores", "token_type"):
    unnamed = unnamed.drop_key(f"tokenizer.ggml.{key}")
words = ["<unk>", "<s>", "</s>", "a", "-", "b", "-b"] + [f"w{i}" for i in range(505)]
for key, kind, value in (("model", STRING, text("gpt2")), ("tokens", ARRAY, texts(words)), ("merges", ARRAY, texts(["- b"]))):
    unnamed = Gguf(unnamed.add_key(f"tokenizer.ggml.{key}", kind, value).data)
path = unnamed.save(data / "unnamed.gguf")
for ids, pre, verdict, said in ([3, 4, 5], "llama-bpe", "pass", b"3 ids with --pre default"), ([3, 6], "llama-bpe", "pass", b"2 ids, 2 stored"), \
        ([3, 5, 4], "llama-bpe", "FAIL", b"2 ids, 3 stored"), ([3, 6], "default", "FAIL", b"3 ids, 2 stored"):
    tokens["test_cases"] = [{"text": "a-b", "add_bos": False, "token_ids": ids}]
    (data / "bitnet2b-reference/standard_tokens.json").write_text(json.dumps(tokens))
    done, found = lines("--data", data, "--no-perplexity", "--pre", pre)
    expect(found.get("token ids of 'a-b'") == verdict and said in done.stdout, f"{ids} by {pre}", done)

expect_line("no file", run(tern, "verify", "nosuch.gguf"), 1, ["nosuch.gguf"])
expect_line("no operand", run(tern, "verify"), 2, ["MODEL"])
finish(3 + 2 * len(WHAT) + 8)
