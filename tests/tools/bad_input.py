#!/usr/bin/env python3
"""bad_input.py TERN: what bad input gets: one line that says what, where and what was wanted, and exit status 1."""
import json
import math
import pathlib
import struct
import sys
import tempfile

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
good = find_model("rand-b158-i2_s.gguf")
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)
cases = 0


def refuse(what, path, *words, command="run"):
    global cases
    cases += 1
    options = {"run": ["-m", path, "-n", "1"], "inspect": [path], "logits": ["-m", path, "--ids", "1"]}[command]
    words = (path.name if path.is_file() else str(path), *words)
    expect_line(what, run(tern, command, *options, "--backend" if command != "inspect" else "--json",
                          *(["reference"] if command != "inspect" else [])), 1, words)


def spoiled(what, edit, *words, **options):
    gguf = Gguf(good)
    edit(gguf)
    refuse(what, gguf.save(work / "spoiled.gguf"), *words, **options)


def raw(name, content):
    (work / name).write_bytes(content)
    return work / name


# Files that are none.
for command in ("run", "inspect", "logits"):
    refuse(f"no such file ({command})", work / "absent.gguf", "absent.gguf", command=command)
    refuse(f"a folder ({command})", work, str(work), command=command)
    refuse(f"a device ({command})", pathlib.Path("/dev/zero"), "/dev/zero: not a regular file", command=command)
    refuse(f"empty ({command})", raw("empty.gguf", b""), "empty.gguf", command=command)
    refuse(f"not GGUF ({command})", raw("text.gguf", b"Once upon a time there was a file." * 9), "text.gguf", "gguf",
           command=command)
spoiled("version 1", lambda g: g.put("I", 4, 1), "version", "1")
spoiled("version 99", lambda g: g.put("I", 4, 99), "version", "99")

# Truncated: in the header, in keys, in tensor entries, in data.
whole = Gguf(good)
entries = list(whole.tensors.values())
for size in (3, 4, 8, 20, 24, 30, 200, 5000, entries[0]["name"] + 5, entries[9]["place"] + 3, whole.base - 1, whole.base,
             whole.base + 100000, len(whole.data) - 1):
    refuse(f"cut at {size}", whole.save(work / "cut.gguf", size), "cut.gguf")
    refuse(f"cut at {size} (inspect)", whole.save(work / "cut.gguf", size), "cut.gguf", command="inspect")

# Counts and offsets that lie; the address space is limited, so that believing them would fail another way.
for value in (1 << 63, (1 << 64) - 1, 1 << 40, 1 << 31):
    spoiled(f"{value} tensors", lambda g: g.put("Q", 8, value), "spoiled.gguf", command="inspect")
    spoiled(f"{value} keys", lambda g: g.put("Q", 16, value), "spoiled.gguf", command="inspect")
    spoiled(f"string of {value}", lambda g: g.put("Q", g.keys["general.name"][2], value), "spoiled.gguf")
    spoiled(f"array of {value}", lambda g: g.put("Q", g.keys["tokenizer.ggml.tokens"][2] + 4, value), "spoiled.gguf")
    spoiled(f"dimension of {value}", lambda g: g.put("Q", g.tensors["blk.0.attn_q.weight"]["dims"], value),
            "blk.0.attn_q.weight")
    spoiled(f"tensor at {value}", lambda g: g.put("Q", g.tensors["blk.0.attn_q.weight"]["place"], value),
            "blk.0.attn_q.weight")
spoiled("value of unknown type", lambda g: g.put("I", g.keys["general.name"][2] - 4, 77), "77")
spoiled("rank 9", lambda g: g.put("I", g.tensors["output_norm.weight"]["rank"], 9), "output_norm.weight")
spoiled("overlapping tensors", lambda g: g.put("Q", g.tensors["blk.0.attn_q.weight"]["place"],
                                               g.tensors["output_norm.weight"]["offset"]), "output_norm.weight", "same data offset")
spoiled("unaligned tensor", lambda g: g.put("Q", g.tensors["blk.0.attn_q.weight"]["place"],
                                            g.tensors["blk.0.attn_q.weight"]["offset"] + 1), "blk.0.attn_q.weight")

# What is not known, missing, or of another shape.
spoiled("architecture", lambda g: g.string_value("general.architecture", "bitnet-b9.99"), "architecture", "bitnet-b9.99",
        "inspect --architectures")
spoiled("tensor type", lambda g: g.put("I", g.tensors["blk.0.attn_q.weight"]["type"], 13), "blk.0.attn_q.weight")
spoiled("tensor type 999", lambda g: g.put("I", g.tensors["blk.0.attn_q.weight"]["type"], 999), "blk.0.attn_q.weight",
        "999")
spoiled("tokenizer", lambda g: g.string_value("tokenizer.ggml.model", "lloma"), "tokenizer", "lloma")
spoiled("missing tensor", lambda g: g.rename(g.tensors["blk.1.ffn_up.weight"]["name"], "blk.1.ffn_xx.weight"),
        "blk.1.ffn_up.weight")
for key in ("bitnet-b1.58.block_count", "bitnet-b1.58.embedding_length", "bitnet-b1.58.attention.head_count",
            "tokenizer.ggml.tokens"):
    spoiled(f"missing {key}", lambda g: g.rename(g.keys[key][0], "x" * len(key)), key)
for key, value in (("bitnet-b1.58.embedding_length", 512), ("bitnet-b1.58.feed_forward_length", 768),
                   ("bitnet-b1.58.attention.head_count", 5), ("bitnet-b1.58.block_count", 4),
                   ("bitnet-b1.58.attention.head_count_kv", 4), ("bitnet-b1.58.context_length", 0)):
    spoiled(f"{key} = {value}", lambda g: g.put("I", g.keys[key][2], value), "spoiled.gguf")
spoiled("wrong shape", lambda g: (g.put("Q", g.tensors["blk.0.attn_k.weight"]["dims"], 128),
                                  g.put("Q", g.tensors["blk.0.attn_k.weight"]["dims"] + 8, 384)),
        "blk.0.attn_k.weight", "128", "384")

# Networks that are not ours, which only a key tells.
def number(form, value):
    return {"I": 4, "f": 6}[form], struct.pack("<" + form, value)


def text(value):
    return 8, struct.pack("<Q", len(value)) + value.encode()


ARCH = "bitnet-b1.58."
for key, value, *said in ((ARCH + "expert_count", number("I", 8), "0"), (ARCH + "attention.sliding_window", number("I", 16)),
                          (ARCH + "final_logit_softcapping", number("f", 30)), (ARCH + "logit_scale", number("f", 0.25)),
                          (ARCH + "expert_group_count", (5, struct.pack("<i", 8)), "0"),
                          (ARCH + "attention.scale", number("f", -0.5), "2^-50"),
                          (ARCH + "attention.causal", (7, b"\0")), ("prism.hadamard.version", number("I", 1), "rotated"),
                          (ARCH + "rope.scaling.type", text("longrope"), "longrope", "yarn"),
                          (ARCH + "rope.scaling.factor", number("f", 0.5), "1 or more"),
                          ("tern.rope.scaling.type", text("llama3"), "tern.rope.scaling.factor", "missing"),
                          ("tern.rotary_pairs", text("odd"), "'odd'"), ("tern.norm_offset", number("f", 9), "9"),
                          ("tern.linear_norm", (7, b"\1"), "blk.0.attn_q_norm_in.weight")):
    words = () if said and "missing" in said or key == "tern.linear_norm" else (key,)
    refuse(key, Gguf(good).add_key(key, *value).save(work / "spoiled.gguf"), *words, *said)

uneven = Gguf(SOURCE / "tools/models/tern-stories.gguf")  # has no key for the size of a head
for width in (255, 3):
    uneven.put("I", uneven.keys[ARCH + "embedding_length"][2], width)
    refuse(f"{width} by 4 heads", uneven.save(work / "spoiled.gguf"), f"embedding_length of {width}", "4 heads")

# The same keys where they say what is so anyway: a linear scaling by 1 is in every file that the usual converters make.
def logits(path):
    return run(tern, "logits", "-m", path, "--ids", "1,5,7", "--backend", "reference").stdout


meant = Gguf(good)
meant.add_key(ARCH + "rope.scaling.type", *text("linear"))
for key, value in ((ARCH + "rope.scaling.factor", number("f", 1)), (ARCH + "expert_count", number("I", 0)),
                   (ARCH + "attention.sliding_window", number("I", 4096)), (ARCH + "logit_scale", number("f", 1))):
    again = Gguf(meant.save(work / "harmless.gguf"))
    meant = again.add_key(key, *value)
expect(logits(meant.save(work / "harmless.gguf")) == logits(good) != b"", "keys that change nothing are accepted")

# Scales that make no ternary tensor.
for value in (0.0, math.nan, math.inf, -math.inf):
    def spoil_scale(g):
        k, n = g.tensors["blk.0.ffn_up.weight"]["shape"]
        tail = g.start("blk.0.ffn_up.weight") + k * n // 4
        g.data[tail:tail + 32] = struct.pack("<f", value) * 8
    spoiled(f"scale {value}", spoil_scale, "blk.0.ffn_up.weight", "scale")

# Asking for more than there is room for, in numbers.
words = "word " * 600
for what, args, wanted in (
        ("-n past the context", ["-n", "300"], ["256", "300"]),
        ("prompt past the context", ["-p", words], ["256"]),
        ("prompt and -n", ["-p", "word " * 20, "-n", "250"], ["256"])):
    expect_line(what, run(tern, "run", "-m", good, *args, "--backend", "reference"), 1, wanted)
expect_line("ids past the context", run(tern, "logits", "-m", good, "--ids", ",".join(["5"] * 257), "--backend",
                                        "reference"), 1, ["256", "257"])
expect_line("an id that is none", run(tern, "logits", "-m", good, "--ids", "5,512", "--backend", "reference"), 1, ["512"])
expect_line("a model without a name", run(tern, "run", "-m", ""), 1, ["name is empty"])
expect_line("no prompt file", run(tern, "run", "-m", good, "-f", work / "absent.txt"), 1, ["absent.txt", "No such file"])
expect_line("a prompt without an end", run(tern, "run", "-m", good, "-f", "/dev/zero"), 1, ["/dev/zero", "large"])

# Invalid UTF-8 is byte tokens: a prompt like any other.
done = run(tern, "run", "-m", good, "-f", "-", "-n", "3", "--greedy", "--json", stdin=b"a\xff\xfe\xc3", env={})
expect(done.returncode == 0, "invalid UTF-8 is accepted", done)
tokens = json.loads(run(tern, "inspect", good, "--json").stdout)["metadata"]["tokenizer.ggml.tokens"]
ids = json.loads(done.stdout)["prompt_ids"] if done.returncode == 0 else []
expect([tokens[i] for i in ids][-3:] == ["<0xFF>", "<0xFE>", "<0xC3>"], "invalid UTF-8 becomes the tokens of its bytes", done)
finish(cases + 10)
