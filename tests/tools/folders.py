#!/usr/bin/env python3
"""folders.py TERN: models of several files give the bits of the same weights in one; what is missing is named."""
import json
import pathlib
import shutil
import struct
import sys
import tempfile

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
golden = SOURCE / "tests/golden"
whole = find_model("tiny-b158-i2_s.gguf")


def bits(path):
    done = run(tern, "logits", "-m", path, "--ids", "1,5,7,30,2", "--json", "--backend", "reference")
    expect(done.returncode == 0, f"{path} loads", done)
    return json.loads(done.stdout)["bits"] if done.returncode == 0 else None


def split(path, folder, parts):
    """The tensors of a GGUF file dealt out to |parts| files, the keys in the first."""
    g = Gguf(path)
    names = sorted(g.tensors, key=lambda n: g.tensors[n]["offset"])
    ends = [g.tensors[n]["offset"] for n in names[1:]] + [len(g.data) - g.base]
    made = []
    for i in range(parts):
        keys = [(b"split.no", 2, struct.pack("<H", i)), (b"split.count", 2, struct.pack("<H", parts)),
                (b"split.tensors.count", 5, struct.pack("<i", len(names)))]
        own = bytes(g.data[24:g.keys_end]) if i == 0 else b""
        count = (g.u64(16) if i == 0 else 0) + len(keys)
        entries, data = b"", b""
        for name, end in list(zip(names, ends))[i::parts]:
            t = g.tensors[name]
            entries += bytes(g.data[t["name"]:t["place"]]) + struct.pack("<Q", len(data))
            data += bytes(g.data[g.base + t["offset"]:g.base + end])
        head = struct.pack("<IIQQ", 0x46554747, 3, len(names[i::parts]), count) + own
        head += b"".join(struct.pack("<Q", len(k)) + k + struct.pack("<I", t) + v for k, t, v in keys) + entries
        made.append(folder / f"m-{i + 1:05}-of-{parts:05}.gguf")
        made[-1].write_bytes(head + bytes(-len(head) % 32) + data)
    return made


with tempfile.TemporaryDirectory() as made:
    work = pathlib.Path(made)
    wanted = bits(whole)
    # The folder has the same codes and scales, in other places.
    folder = golden / "hf-bitnet"
    for path in (folder, f"{folder}/", folder / "config.json", folder / "model.safetensors"):
        expect(bits(path) == wanted, f"{path} has the bits of the GGUF file")
    parts = split(whole, work, 3)
    for path in parts:
        expect(bits(path) == wanted, f"{path.name} has the bits of the whole file")
    for i in (0, 2):
        hidden = parts[i].rename(work / "hidden")
        expect_line(f"part {i + 1} is missing", run(tern, "inspect", parts[1]), 1,
                    [f"{parts[i].name}: no such file, which is part {i + 1} of 3 of the model"])
        hidden.rename(parts[i])

    # shards
    copy = shutil.copytree(golden / "hf-llama", work / "llama", copy_function=shutil.copyfile)
    shown = json.loads(run(tern, "inspect", copy, "--json").stdout)
    shards = {f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)}
    expect({pathlib.Path(t["file"]).name for t in shown["tensors"]} == shards, "each tensor's file is shown")
    text = run(tern, "inspect", copy).stdout.decode()
    expect(all(text.count(name) == 1 for name in shards), "and once each as text")
    second = copy / "model-00002-of-00003.safetensors"
    for path in (copy, second):
        expect(bits(path) is not None, f"{path.name} opens the folder")
    second.unlink()
    expect_line("a shard is missing", run(tern, "inspect", copy), 1,
                [f"{second.name}: no such file, which is a shard of the model by model.safetensors.index.json"])
    (copy / "model.safetensors.index.json").unlink()
    expect_line("no tensors", run(tern, "run", "-m", copy, "-n", "1"), 1,
                ["llama: neither model.safetensors nor model.safetensors.index.json is there"])

    # configuration
    copy = shutil.copytree(folder, work / "bitnet", copy_function=shutil.copyfile)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "embedding_multiplier": 12}))
    expect_line("a key that changes the results", run(tern, "inspect", copy), 1,
                ["config.json: key 'embedding_multiplier' is not known for BitNetForCausalLM and may change"])
    (copy / "config.json").unlink()
    expect_line("no configuration", run(tern, "run", "-m", copy, "-n", "1"), 1, ["bitnet: no config.json"])
    expect_line("tensors alone", run(tern, "run", "-m", copy / "model.safetensors", "-n", "1"), 1,
                ["model.safetensors: key 'general.architecture' is missing: there is no config.json beside it"])
    bare = work / "bare.gguf"
    bare.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, 0))
    done = run(tern, "run", "-m", bare, "-n", "1")
    expect_line("a GGUF file without keys", done, 1, ["bare.gguf: key 'general.architecture' is missing"])
    expect(b"config.json" not in done.stderr, "which needs no config.json", done)

# a folder of very many layers, each with an expert, is read to its end
with tempfile.TemporaryDirectory() as folder:
    COUNT = 80000
    config = json.loads((golden / "hf-qwen3moe/config.json").read_text())
    pathlib.Path(folder, "config.json").write_text(json.dumps({**config, "num_experts": 1, "num_experts_per_tok": 1}))
    header = json.dumps({f"model.layers.{i}.mlp.experts.0.up_proj.weight":
                         {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(COUNT)}).encode()
    pathlib.Path(folder, "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(COUNT))
    expect_line("very many layers", run(tern, "run", "-m", folder, "-n", "1"), 1, ["token_embd.weight"])

# floats that are ternary by rows, as TriLM is published, give the bits of ternary weights
with tempfile.TemporaryDirectory() as folder:
    ternary = find_model("rand-llama-tq2_0.gguf")
    floats = pathlib.Path(folder, "floats.gguf")
    done = run(tern, "convert", ternary, floats, "--type", "f16")
    expect(done.returncode == 0 and bits(floats) == bits(ternary), "ternary values of 16 bits", done)

finish(31)
