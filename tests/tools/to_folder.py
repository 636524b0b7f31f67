#!/usr/bin/env python3
"""to_folder.py TERN: models that no folder was there for become folders that others can read, with the same answers."""
import json
import pathlib
import struct
import sys
import tempfile

from gguf_edit import Gguf
from support import DATA, SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
place = tempfile.TemporaryDirectory()
work = pathlib.Path(place.name)
cases = 0
EMBEDDINGS = {"HGRNBitForCausalLM": "embeddings", "MapleForCausalLM": "word_embeddings"}
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}


def convert(model, *args):
    """|model| as the folder of its stem."""
    global cases
    cases += 1
    done = run(tern, "convert", model, f"{work / model.stem}/", *args)
    expect(done.returncode == 0 and done.stderr == b"", f"{model.stem} {' '.join(args)}: becomes a folder", done)
    return work / model.stem


def refuse(model, *words):
    global cases
    cases += 1
    expect_line(f"{model.stem} as a folder", run(tern, "convert", model, f"{work / model.stem}/"), 1, words)
    expect(not list(work.glob(f"{model.stem}/*")), f"{model.stem}: no file is left")


def logits(path):
    done = run(tern, "logits", "-m", path, "--ids", "1,4,7,9,30,2", "--json", "--backend", "reference")
    expect(done.returncode == 0, f"{path.name}: runs", done)
    return json.loads(done.stdout)["bits"] if done.returncode == 0 else None


def read(folder):
    """The tensors of a folder by the published description of safetensors: name -> (dtype, shape, bytes)."""
    data = (folder / "model.safetensors").read_bytes()
    size, = struct.unpack_from("<Q", data)
    head, at = json.loads(data[8:8 + size]), 0
    expect(size % 8 == 0 and head.pop("__metadata__") == {"format": "pt"}, f"{folder.name}: a header as others write it")
    tensors = {}
    for name, entry in head.items():
        start, end = entry["data_offsets"]
        count = 1
        for extent in entry["shape"]:
            count *= extent
        expect(start == at and end - start == count * SIZES[entry["dtype"]], f"{folder.name}: {name} lies behind the one before")
        tensors[name], at = (entry["dtype"], entry["shape"], data[8 + size + start:8 + size + end]), end
    expect(at == len(data) - 8 - size, f"{folder.name}: no byte is left over")
    return tensors


def tensor(path, name, size):
    gguf = Gguf(path)
    return bytes(gguf.data[gguf.start(name):gguf.start(name) + size])


# The same logits wherever nothing is said; where answers or values may change, only if that is allowed.
models = {m.stem: m for m in (SOURCE / "tests/golden").glob("*.gguf")}
beside = {"rand-llama-tq2_0", "tiny-llama-group", "tiny-llama-linear", "tiny-llama-llama3"}
nowhere = {"tiny-llama-bare": "without norms", "tiny-llama-dense": "rope_freqs.weight"}
for stem, model in sorted(models.items()):
    if stem in nowhere:
        refuse(model, nowhere[stem], "no place in a folder")
        continue
    if stem in beside:
        refuse(model, "rotary pairs", "half a head apart", "--lossy")
    if stem == "tiny-gemma3":
        refuse(model, "layernorm.weight", "would change", "--lossy")
    folder = convert(model, *(["--lossy"] if stem in beside or stem == "tiny-gemma3" else []))
    expect(logits(folder) == logits(model) is not None, f"{stem}: the same logits")
    tensors = read(folder)
    config = json.loads((folder / "config.json").read_text())
    expect(tensors["model.%s.weight" % EMBEDDINGS.get(config["architectures"][0], "embed_tokens")][1][0] == config["vocab_size"],
           f"{stem}: a row for each token")
    expect(any(dtype == "U8" for dtype, _, _ in tensors.values()) == (config.get("quantization_config") is not None)
           or "norms" in stem or "hgrn" in stem, f"{stem}: packed where the configuration says so")

refuse(SOURCE / "tests/golden/hf-bitnet", "a folder of safetensors already")

# Packed bytes and scales, from the layouts as published: I2_S has 128 weights in 32 bytes, a folder four quarters of the rows.
b158 = find_model("tiny-b158-i2_s.gguf")
raw = tensor(b158, "blk.0.attn_k.weight", 64 * 128 // 4 + 4)
codes = [raw[i // 128 * 32 + i % 32] >> 6 - 2 * (i % 128 // 32) & 3 for i in range(64 * 128)]
dtype, shape, data = read(work / b158.stem)["model.layers.0.self_attn.k_proj.weight"]
expect((dtype, shape) == ("U8", [16, 128]), f"packed rows: {dtype} {shape}")
expect([data[r % 16 * 128 + k] >> 2 * (r // 16) & 3 for r in range(64) for k in range(128)] == codes, "packed codes")
scale = read(work / b158.stem)["model.layers.0.self_attn.k_proj.weight_scale"]
expect(scale == ("F32", [1], raw[-4:]), f"a scale: {scale}")
config = json.loads((work / b158.stem / "config.json").read_text())
expect(config["architectures"] == ["BitNetForCausalLM"] and config["hidden_act"] == "relu2" and config["tie_word_embeddings"]
       and config["quantization_config"]["linear_class"] == "autobitlinear", f"a configuration: {config}")



def rewrite(folder, tensors, **settings):
    """The folder with other tensors and settings."""
    head, body = {}, b""
    for name, (kind, extents, content) in tensors.items():
        head[name] = {"dtype": kind, "shape": extents, "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    said = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(said)) + said + body)
    (folder / "config.json").write_text(json.dumps({**json.loads((folder / "config.json").read_text()), **settings}))
    return folder


# What config.json says of tensors must be so.
rows = work / "tiny-bitnet-row"
whole, wanted = read(rows), logits(rows)
first = "model.layers.0.self_attn.q_proj."
bias = {first + "bias": ("F32", whole[first + "weight"][1][:1], bytes(4 * whole[first + "weight"][1][0]))}
for what, tensors_now, settings, words in (
        ("a bias that is missing", whole, {"attention_bias": True}, ["blk.0.attn_q.bias", "missing"]),
        ("a bias that nothing reads", {**whole, **bias}, {"attention_bias": False}, ["blk.0.attn_q.bias", "attention_bias"]),
        ("no output matrix", whole, {"tie_word_embeddings": False}, ["lm_head.weight", "missing"])):
    cases += 1
    expect_line(what, run(tern, "run", "-m", rewrite(rows, tensors_now, **settings), "-n", "1"), 1, words)
    rewrite(rows, whole, attention_bias=False, tie_word_embeddings=True)

# Some write matrices that have the same input as one, rows of one behind those of the other.
together = {}
for name, (kind, extents, content) in whole.items():
    for parts, one in ((("q_proj", "k_proj", "v_proj"), "qkv_proj"), (("gate_proj", "up_proj"), "gate_up_proj")):
        if name.endswith(tuple(f".{part}.weight" for part in parts)):
            fused = [whole[name.replace(name.split(".")[-2], part)] for part in parts]
            name, extents = name.replace(name.split(".")[-2], one), [sum(f[1][0] for f in fused), extents[1]]
            content = b"".join(f[2] for f in fused)
    together[name] = (kind, extents, content)
expect(len(together) < len(whole) and all(len({whole[n.replace("q_proj", p)][0] for p in ("q_proj", "k_proj", "v_proj")}) == 1
                                          for n in whole if "q_proj" in n), "matrices are put together")
expect(logits(rewrite(rows, together)) == wanted, "matrices in one: the same logits")
cases += 1
expect_line("packed matrices in one", run(tern, "inspect", rewrite(work / b158.stem, {
    "model.layers.0.self_attn.qkv_proj.weight": ("U8", [32, 128], bytes(32 * 128))})), 1, ["qkv_proj.weight", "expected one tensor each"])

# Rows of heads go from pairs side by side (0, 1), (2, 3), ... to pairs half a head apart.
llama = find_model("tiny-llama-linear.gguf")
heads = Gguf(llama)
dims = heads.value("llama.attention.key_length", 0) or heads.value("llama.embedding_length", 0) // heads.value("llama.attention.head_count", 1)
cols, rows = heads.tensors["blk.0.attn_q.weight"]["shape"]
kind = heads.u32(heads.tensors["blk.0.attn_q.weight"]["type"])
expect(kind == 36, f"I2_S is what {llama.stem} has: {kind}")
raw = tensor(llama, "blk.0.attn_q.weight", rows * cols // 4)
codes = [raw[i // 128 * 32 + i % 32] >> 6 - 2 * (i % 128 // 32) & 3 for i in range(rows * cols)]
_, _, data = read(work / llama.stem)["model.layers.0.self_attn.q_proj.weight"]
quarter = rows // 4
for row in range(rows):
    head, j = divmod(row, dims)
    source = head * dims + (2 * j if j < dims // 2 else 2 * (j - dims // 2) + 1)
    got = [data[row % quarter * cols + k] >> 2 * (row // quarter) & 3 for k in range(cols)]
    expect(got == codes[source * cols:(source + 1) * cols], f"row {row} of the folder is row {source} of the file")


def with_vocabulary(path, vocabulary, out):
    """The network of |path| with the tokens of |vocabulary| and an embedding of as many rows."""
    net, words = Gguf(path), Gguf(vocabulary)
    starts = lambda g: [g.keys[k][0] for k in g.keys] + [g.keys_end]
    ends = lambda g: dict(zip(g.keys, starts(g)[1:]))
    kept = [bytes(net.data[net.keys[k][0]:ends(net)[k]]) for k in net.keys
            if not k.startswith("tokenizer.") and not k.endswith("vocab_size")]
    kept += [bytes(words.data[words.keys[k][0]:ends(words)[k]]) for k in words.keys if k.startswith("tokenizer.")]
    tokens = struct.unpack_from("<Q", words.data, words.keys["tokenizer.ggml.tokens"][2] + 4)[0]
    names = sorted(net.tensors, key=lambda n: net.tensors[n]["offset"])
    limits = [net.tensors[n]["offset"] for n in names[1:]] + [len(net.data) - net.base]
    entries, data = b"", b""
    for name, end in zip(names, limits):
        entry = net.tensors[name]
        body = bytes(net.data[net.start(name):net.base + end])
        shape, kind = entry["shape"], net.u32(entry["type"])
        if name == "token_embd.weight":
            shape, kind, body = [shape[0], tokens], 1, bytes(2 * shape[0] * tokens)
        entries += struct.pack("<Q", len(name)) + name.encode() + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += body + bytes(-len(body) % 32)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(names), len(kept)) + b"".join(kept) + entries
    out.write_bytes(head + bytes(-len(head) % 32) + data)
    return out


# Tokens: ids are those that were published with the vocabularies.
for name, file in (("gpt-2", "tokenizer.json"), ("falcon", "tokenizer.json"), ("llama-spm", "tokenizer.model")):
    vocabulary = DATA / f"data/tokenizers/ggml-vocab-{name}.gguf"
    if not vocabulary.is_file():
        print(f"skipped: {vocabulary} is not there")
        continue
    folder = convert(with_vocabulary(find_model("tiny-qwen3-norms.gguf"), vocabulary, work / f"{name}.gguf"))
    expect((folder / file).is_file(), f"{name}: {file} is there")
    texts = vocabulary.with_name(vocabulary.name + ".inp").read_text().split("\n__ggml_vocab_test__\n")
    wanted = vocabulary.with_name(vocabulary.name + ".out").read_text().split("\n")
    for text, ids in list(zip(texts, wanted))[::5]:
        cases += 1
        done = run(tern, "tokenize", "-m", folder / file, "-f", "-", "--no-bos", "--ids", stdin=text.encode())
        expect(done.stdout.decode().replace(",", " ").split() == ids.split(), f"{name}: ids of {text!r}: {ids}", done)
finish(cases)
