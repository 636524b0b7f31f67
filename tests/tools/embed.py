#!/usr/bin/env python3
"""embed.py TERN: vectors are what their pooling makes of the hidden states, the same bits on every backend at hand."""
import json
import math
import pathlib
import shutil
import struct
import sys
import tempfile

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
path = find_model("tiny-b158-i2_s.gguf")
TEXTS = ["Once upon a time", "a red fox", "Once upon a time"]


def embed(*args, model=path, **options):
    done = run(tern, "embed", "-m", model, "--json", *args, **options)
    expect(done.returncode == 0 and not done.stderr, "done without a word on stderr", done)
    return json.loads(done.stdout)


def close(got, wanted, what):
    scale = math.sqrt(sum(x * x for x in wanted))
    expect(math.dist(got, wanted) <= 1e-6 * scale, f"{what}: {got[:3]}, expected {wanted[:3]}")


def unit(x):
    length = math.sqrt(sum(v * v for v in x))
    return [v / length for v in x]


lines = "\r\n".join(TEXTS[:2]) + "\n" + TEXTS[2]
every = embed("-f", "-", "--pooling", "none", "--no-normalize", stdin=lines.encode())
expect(len(every["texts"]) == 3 and every["normalized"] is False and every["pooling"] == "none", "a text a line")
for text in every["texts"]:
    expect(len(text["vectors"]) == len(text["ids"]) and all(len(v) == every["width"] for v in text["vectors"]), "shapes")
expect(every["texts"][0] == every["texts"][2] != every["texts"][1], "the same text, the same vectors")
single = embed("-p", TEXTS[1], "--pooling", "none", "--no-normalize")["texts"][0]
expect(single == every["texts"][1], "texts know nothing of those before them")

for number, text in enumerate(TEXTS[:2]):
    hidden = every["texts"][number]["vectors"]
    mean = [sum(column) / len(hidden) for column in zip(*hidden)]
    for name, wanted in (("last", hidden[-1]), ("cls", hidden[0]), ("mean", mean)):
        raw = embed("-p", text, "--pooling", name, "--no-normalize")
        got = embed("-p", text, "--pooling", name)
        expect((got["pooling"], got["normalized"]) == (name, True), f"{name}: what is said")
        close(raw["texts"][0]["vectors"][0], wanted, f"{name}, as it is")
        close(got["texts"][0]["vectors"][0], unit(wanted), f"{name}, of length 1")
        bits = [struct.pack(">f", v).hex() for v in got["texts"][0]["vectors"][0]]
        expect(bits == got["texts"][0]["bits"][0], f"{name}: decimals read back as the bits")
        other = embed("-p", text, "--pooling", name, "--backend", "reference")
        expect(other["texts"] == got["texts"], f"{name}: the same bits on the reference backend")

expect(embed("-p", TEXTS[0])["texts"] == embed("-p", TEXTS[0], "--pooling", "last")["texts"], "the default is the last")
shown = run(tern, "embed", "-m", path, "-p", TEXTS[0])
expect([struct.pack(">f", float(x)).hex() for x in shown.stdout.split()] == embed("-p", TEXTS[0])["texts"][0]["bits"][0],
       "as text", shown)


# The arithmetic to the bit: double precision holds what two float32 values make, so rounding it once more is exact.
def f32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def total(values):
    """Rule 4 of the numbers contract, for up to 1024 values."""
    parts = [0.0] * 64
    for i, value in enumerate(values):
        parts[i % 64] = f32(parts[i % 64] + value)
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [f32(a + b) for a, b in zip(parts[:half], parts[half:])]
    return parts[0]


wide = find_model("rand-b158-i2_s.gguf")
text = "Some words and more. " * 5
hidden = embed("-p", text, "--pooling", "none", "--no-normalize", model=wide)["texts"][0]["bits"]
hidden = [[struct.unpack(">f", bytes.fromhex(b))[0] for b in row] for row in hidden]
expect(len(hidden) > 64 and len(hidden[0]) > 64, "more than 64 of each")
mean = [f32(total(column) / len(hidden)) for column in zip(*hidden)]
for name, x in (("mean", mean), ("last", hidden[-1])):
    length = f32(math.sqrt(total([f32(v * v) for v in x])))
    wanted = [struct.pack(">f", v / length).hex() for v in x]
    expect(embed("-p", text, "--pooling", name, model=wide)["texts"][0]["bits"][0] == wanted, f"{name}: by the contract")

with tempfile.TemporaryDirectory() as folder:
    for kind, name in ((1, "mean"), (2, "cls"), (3, "last"), (4, None)):
        made = Gguf(path)
        made.add_key("bitnet-b1.58.pooling_type", 4, struct.pack("<I", kind))
        file = made.save(pathlib.Path(folder) / f"{kind}.gguf")
        if name:
            got = embed("-p", TEXTS[0], model=file)
            expect(got["pooling"] == name, f"the file asks for {name}")
            expect(got["texts"] == embed("-p", TEXTS[0], "--pooling", name)["texts"], f"{name} as if asked for")
        else:
            expect_line("a pooling for ranks", run(tern, "embed", "-m", file, "-p", "a"), 1, ["pooling", "number 4", "--pooling"])

# Folders of sentence-transformers say it in a file of their own, which goes there and back; other files become such folders.
MODES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token", "last": "pooling_mode_lasttoken"}
with tempfile.TemporaryDirectory() as place:
    model, made, back = (pathlib.Path(place) / name for name in ("model", "made.gguf", "back"))
    shutil.copytree(SOURCE / "tests/golden/hf-bitnet", model)
    said = model / "1_Pooling/config.json"
    said.parent.mkdir()
    for name, mode in MODES.items():
        said.write_text(json.dumps({"word_embedding_dimension": 128, **{m: m == mode for m in MODES.values()}, "include_prompt": True}))
        wanted = embed("-p", TEXTS[0], "--pooling", name, model=model)["texts"]
        got = embed("-p", TEXTS[0], model=model)
        expect(got["pooling"] == name and got["texts"] == wanted, f"the folder asks for {name}")
        done = [run(tern, "convert", model, made, "--force"), run(tern, "convert", made, f"{back}/", "--force")]
        expect(embed("-p", TEXTS[0], model=made)["texts"] == wanted, f"{name}: as GGUF", done[0])
        expect((back / "1_Pooling/config.json").read_bytes() == said.read_bytes(), f"{name}: the same folder again", done[1])
        shutil.rmtree(back)
        Gguf(path).add_key("bitnet-b1.58.pooling_type", 4, struct.pack("<I", list(MODES).index(name) + 1)).save(made)
        done = run(tern, "convert", made, f"{back}/")
        expect(embed("-p", TEXTS[0], model=back)["pooling"] == name, f"{name}: a folder that is made", done)
        shutil.rmtree(back)
    Gguf(path).add_key("bitnet-b1.58.pooling_type", 4, struct.pack("<I", 4)).save(made)
    expect_line("a folder cannot say ranks", run(tern, "convert", made, f"{back}/"), 1, ["pooling_type", "--lossy"])
    expect(not back.exists(), "no folder is left")
    for wrong, words in (({"pooling_mode_max_tokens": True}, ["another pooling"]), ({}, ["no pooling"]), ({m: True for m in MODES.values()}, ["more than one"]),
                         ({"pooling_mode_cls_token": 1}, ["pooling_mode_cls_token"])):
        said.write_text(json.dumps(wrong))
        expect_line(f"{wrong}", run(tern, "embed", "-m", model, "-p", "a"), 1, ["1_Pooling/config.json", *words])

expect_line("a long text", run(tern, "embed", "-m", path, "-p", "abc " * 200), 1, ["256"])
expect_line("no text at all", run(tern, "embed", "-m", path, "-f", "-", stdin=b""), 1, ["'-' is empty"])
finish(52)
