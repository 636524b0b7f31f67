#!/usr/bin/env python3
"""convert.py TERN: tern convert keeps every bit that the type can hold, says what it cannot, and leaves no half file."""
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)
cases = 0
STRING, U32 = 8, 4
F32, F16, TQ2_0, I2_S, Q2_0 = 0, 1, 35, 36, 42


def convert(*args, status=0):
    global cases
    cases += 1
    done = run(tern, "convert", *args)
    if status == 0:
        expect(done.returncode == 0 and done.stderr == b"", f"convert {' '.join(map(str, args[2:]))}: works", done)
    return done


def refuse(what, args, status, *words):
    global cases
    cases += 1
    before = sorted(p.name for p in work.iterdir())
    expect_line(what, run(tern, "convert", *args), status, words)
    expect(sorted(p.name for p in work.iterdir()) == before, f"{what}: no file is left or gone")


def tensors(path):
    """Every tensor as (name, type, shape, bytes), in order."""
    gguf = Gguf(path)
    listed = list(gguf.tensors.items())
    ends = sorted([e["offset"] for _, e in listed] + [len(gguf.data) - gguf.base])
    return [(name, gguf.u32(e["type"]), e["shape"],
             bytes(gguf.data[gguf.start(name):gguf.base + ends[ends.index(e["offset"]) + 1]])) for name, e in listed]


def keys(path):
    gguf = Gguf(path)
    ends = [start for start, _, _ in gguf.keys.values()][1:] + [gguf.keys_end]
    return {name: bytes(gguf.data[start:end]) for (name, (start, _, _)), end in zip(gguf.keys.items(), ends)}


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def write(path, entries, words=()):
    """A GGUF file of (name, shape, type, bytes) and (key, text)."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(entries), len(words))
    head += b"".join(text(k) + struct.pack("<I", STRING) + text(v) for k, v in words)
    at = 0
    for name, shape, kind, data in entries:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, at)
        at += len(data) + -len(data) % 32
    head += bytes(-len(head) % 32)
    path.write_bytes(head + b"".join(data + bytes(-len(data) % 32) for *_, data in entries))
    return path


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def logits(path):
    done = run(tern, "logits", "-m", path, "--ids", "1,4,7", "--json", "--backend", "reference")
    expect(done.returncode == 0, f"{path.name}: runs", done)
    return json.loads(done.stdout)["bits"] if done.returncode == 0 else None


# A copy is the same file, whatever is in it; so is what was another type in between.
i2_s, out, back = find_model("tiny-b158-i2_s.gguf"), work / "out.gguf", work / "back.gguf"
for name in ("rand-b158-i2_s", "rand-bitnet-tq1_0", "tiny-b158-scale", "tiny-bitnet-row", "tiny-llama-group", "tiny-bitnet-bf16"):
    model = find_model(name + ".gguf")
    convert(model, out, "--force")
    expect(out.read_bytes() == model.read_bytes(), f"{name}: a copy is the same")
for name, own, types in (("rand-b158-i2_s", "i2_s", ("q2_0", "PQ2_0", "ptq1_0")), ("rand-bitnet-tq1_0", "tq1_0", ("tq2_0",)),
                         ("tiny-bitnet-row", "tq2_0", ("tq1_0", "q2_0", "ptq1_0", "f16", "i2_s"))):
    model = find_model(name + ".gguf")
    for kind in types:
        convert(model, out, "--type", kind, "--force")
        expect(tensors(out) != tensors(model), f"{name} as {kind}: is another file")
        if name == "rand-b158-i2_s":
            expect(logits(out) == logits(model), f"{name} as {kind}: the same logits")
        convert(out, back, "--type", own, "--force")
        expect(tensors(back) == tensors(model), f"{name} as {kind} and back: the same tensors")
        expect(keys(back) == keys(model) or "general.file_type" in keys(model), f"{name} as {kind} and back: the same keys")

# Floats take every matrix, and are found to be ternary again.
rand = find_model("rand-b158-i2_s.gguf")
convert(rand, out, "--type", "f32", "--force")
convert(out, back, "--type", "i2_s", "--force")
of_layers = lambda path: [t for t in tensors(path) if t[0].startswith("blk.")]
expect(of_layers(back) == of_layers(rand) != of_layers(out), "as floats and back: the same layers")

def embedded(model, kind, rows, path):
    """|model| with rows of another type as its embedding, which is its output matrix too."""
    gguf, entries = Gguf(model), [(n, s, k, d) for n, k, s, d in tensors(model)]
    entries = [(n, s, kind, rows) if n == "token_embd.weight" else (n, s, k, d) for n, s, k, d in entries]
    whole = write(path, entries)
    made = Gguf(whole)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(entries), gguf.u64(16)) + bytes(gguf.data[24:gguf.keys_end])
    head += bytes(made.data[24:made.end])
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(made.data[made.base:]))
    return path


# Values decide how a network computes, not the types that hold them: in every architecture, in embeddings, and back.
trits = [(i * i // 7 + i // 3) % 3 for i in range(260 * 128)]
blocks = [struct.pack("<e", (i % 13 + 1) / 64) + bytes(sum(trits[64 * i + 4 * b + j] << 2 * j for j in range(4)) for b in range(16))
          for i in range(260 * 2)]
ternary_ends = embedded(find_model("tiny-qwen3.gguf"), Q2_0, b"".join(blocks), work / "ends.gguf")
for model in [ternary_ends] + [m for m in sorted((SOURCE / "tests/golden").glob("*.gguf")) if m.stem != "tiny-llama-dense"]:
    convert(model, out, "--type", "f32", "--force")
    answers = logits(model)
    expect(logits(out) == answers is not None, f"{model.stem} as f32: the same logits")
    if not any(shape[0] % 64 for name, _, shape, _ in of_layers(model) if "norm" not in name):
        convert(out, back, "--type", "q2_0", "--force")
        expect(logits(back) == answers, f"{model.stem} as f32 and to a ternary type again: the same logits")

# Where they could not, nothing is converted unless that is allowed: float32 is multiplied otherwise than the rest.
dense = find_model("tiny-llama-dense.gguf")
refuse("answers that change", (dense, work / "none.gguf", "--type", "f32"), 1, "Q8_0 as F32 keeps its values, but not the answers", "--lossy")
convert(dense, out, "--type", "f32", "--lossy", "--force")
expect(logits(out) not in (None, logits(dense)), "with --lossy they change")

# Folders become files that need nothing beside them and answer the same.
for path in sorted((SOURCE / "tests/golden").glob("hf-*")):
    convert(path, out, "--force")
    if path.name in ("hf-bitnet", "hf-llama", "hf-qwen3moe", "hf-master"):
        expect(logits(out) == logits(path) is not None, f"{path.name}: the same logits")
    convert(out, f"{work / path.name}/")
    expect({p.name: p.read_bytes() for p in (work / path.name).iterdir()} == {p.name: p.read_bytes() for p in path.iterdir()},
           f"{path.name}: becomes the same folder again")
bitnet = SOURCE / "tests/golden/hf-bitnet"
convert(bitnet, out, "--type", "i2_s", "--force")
expect(logits(out) == logits(bitnet), "hf-bitnet as I2_S: the same logits")
convert(out, f"{work}/hf-bitnet/", "--force")
expect((work / "hf-bitnet/model.safetensors").read_bytes() == (bitnet / "model.safetensors").read_bytes(), "I2_S becomes packed bytes again")
refuse("a folder that is there", (out, f"{work}/hf-bitnet/"), 1, "hf-bitnet/", "already", "--force")
refuse("another type in a folder", (out, f"{work}/none/", "--type", "f16"), 1, "types")
cases += 1
kept = [p.read_bytes() for p in sorted((work / "hf-bitnet").iterdir())]
done = subprocess.run([tern, "convert", out, f"{work}/hf-bitnet/", "--force"], capture_output=True, timeout=60,
                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
expect_line("a full disk below a folder", done, 1, ["model.safetensors", "File too large"])
expect([p.read_bytes() for p in sorted((work / "hf-bitnet").iterdir())] == kept, "a full disk: the folder is as it was")
stale = work / "stale"
stale.mkdir()
(stale / "model.safetensors").write_bytes(b"another")
cases += 1
convert(bitnet.parent / "hf-llama", work / "shards.gguf")
refuse("a folder with other files", (work / "shards.gguf", f"{stale}/"), 1, "stale/", "files", "--force")
expect([p.name for p in stale.iterdir()] == ["model.safetensors"], "a folder with other files stays as it is")
for there in False, True:
    cases += 1
    if there:
        (work / "new").mkdir()
    done = subprocess.run([tern, "convert", out, f"{work}/new/"], capture_output=True, timeout=60,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    expect_line("a full disk below a new folder", done, 1, ["new/model.safetensors", "File too large"])
    expect((work / "new").exists() == there and not list((work / "new").glob("*")), "a full disk: a folder stays that was there, empty")
(work / "new").rmdir()

# What a type cannot hold.
out.unlink()
tenth = write(work / "tenth.gguf", [("blk.0.a.weight", (256, 2), F32, bytes(256 * 4) + floats(*[0.0, -0.1] * 128))])
refuse("a value that float16 has not", (tenth, out, "--type", "f16"), 1, "blk.0.a.weight", "row 1, column 1", "F16", "--lossy")
refuse("no whole blocks", (i2_s, out, "--type", "tq2_0"), 1, "rows of 128 are no whole blocks of 256", "TQ2_0")
group = find_model("tiny-llama-group.gguf")
refuse("a scale for each block", (group, out, "--type", "i2_s"), 1, "blk.0.", "I2_S cannot hold its scales", "--lossy")
convert(rand, out, "--type", "f16", "--lossy")
convert(group, out, "--type", "i2_s", "--lossy", "--force")
out.unlink()

# Who asks for what cannot be.
refuse("no such file", (work / "absent.gguf", out), 1, "absent.gguf")
refuse("no such folder", (i2_s, work / "absent" / "out.gguf"), 1, "out.gguf", "No such file")
refuse("an unknown type", (i2_s, out, "--type", "q9_9"), 1, "q9_9", "tq1_0")
refuse("one name", (i2_s,), 2, "IN and OUT")
refuse("a scale without absmean", (i2_s, out, "--scale", "row"), 2, "--absmean")
refuse("an unknown scale", (i2_s, out, "--scale", "rows", "--absmean"), 2, "rows")
refuse("groups in i2_s", (i2_s, out, "--type", "i2_s", "--scale", "group", "--absmean"), 1, "I2_S")
refuse("a dense type by absmean", (i2_s, out, "--type", "f16", "--absmean"), 1, "F16")
back.write_bytes(b"mine")
refuse("a file that is there", (i2_s, back), 1, "back.gguf", "already", "--force")
expect(back.read_bytes() == b"mine", "a file that is there stays as it is")
refuse("a folder, before anything is written", (i2_s, work, "--force"), 1, work.name, "is a folder")
refuse("a broken model in its place", (back, back, "--force"), 1, "back.gguf", "GGUF")
convert(i2_s, back, "--force")

# A device or a pipe is not replaced by a file of its name.
if hasattr(os, "mkfifo"):
    pipe = work / "pipe"
    os.mkfifo(pipe)
    refuse("a pipe", (i2_s, pipe, "--force"), 1, "pipe", "not a regular file")
    expect(pipe.is_fifo(), "a pipe stays one")
    pipe.unlink(missing_ok=True)

# A full disk: writing fails after some bytes, and nothing is left.
limit = rand.stat().st_size // 2
for target, flags in ((out, ()), (back, ("--force",))):
    cases += 1
    kept = sorted(p.name for p in work.iterdir()), back.read_bytes()
    done = subprocess.run([tern, "convert", rand, target, *flags], capture_output=True, timeout=60,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    expect_line("a full disk", done, 1, [target.name, "File too large"])
    expect((sorted(p.name for p in work.iterdir()), back.read_bytes()) == kept, "a full disk: all is as it was")

# Scales beside a matrix: two files' worth of float32 where float16 has too few digits.
codes = [(7 * i + i // 5) % 3 - 1 for i in range(2 * 256)]
rows = write(work / "rows.gguf", [("blk.0.a.weight", (256, 2), F32, floats(*(c * (0.1, 0.3)[i // 256] for i, c in enumerate(codes)))),
                                  ("blk.0.b.weight", (256, 2), F32, floats(*(c * 0.1 for c in codes))),
                                  ("output_norm.weight", (4,), F32, floats(0.1, 0.2, 0.3, 0.4)),
                                  ("token_embd.weight", (256, 1), F32, floats(*codes[:256]))], [("tern.scale", "direct")])
convert(rows, out, "--type", "tq2_0")
made = {name: (kind, shape, data) for name, kind, shape, data in tensors(out)}
expect(list(made) == ["blk.0.a.weight", "blk.0.a.scale", "blk.0.b.weight", "blk.0.b.scale", "output_norm.weight", "token_embd.weight"],
       f"a scale lies behind its matrix: {list(made)}")
expect(made["blk.0.a.scale"][:2] == (F32, [2]) and made["blk.0.a.scale"][2][:8] == floats(0.1, 0.3), "one scale a row")
expect(made["blk.0.b.scale"][:2] == (F32, [1]) and made["blk.0.b.scale"][2][:4] == floats(0.1), "one scale for all")
expect(made["blk.0.a.weight"][0] == TQ2_0 and made["blk.0.a.weight"][2][64:66] == struct.pack("<e", 1.0), "blocks of scale 1")
expect(made["token_embd.weight"][0] == F32, "an embedding in floats stays one")
expect(keys(out) == {}, "what would say where scales are is left out")
convert(out, back, "--type", "f32", "--force")
expect(tensors(back) == tensors(rows), "scales beside go into the weights again")

# absmean, against its formula in float32.
weights = [((37 * i * i + 11 * i) % 2003 - 1001) / 1500.0 * (1 + i // 256) for i in range(3 * 256)]
f32 = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
weights = [f32(w) for w in weights]
latent = write(work / "latent.gguf", [("blk.0.ffn_up.weight", (256, 3), F32, floats(*weights)),
                                      ("blk.0.ffn_gate_inp.weight", (256, 3), F32, floats(*weights))], [("tern.weights", "absmean")])


def absmean(values):
    total = 0.0
    for value in values:
        total += abs(value)
    factor = f32(1.0 / max(f32(total / len(values)), f32(1e-5)))
    return [min(1, max(-1, round(f32(v * factor)))) + 1 for v in values], f32(1.0 / factor)


for scale, size in (("tensor", 768), ("row", 256), ("group", 64)):
    convert(latent, out, "--absmean", "--type", "q2_0", "--scale", scale, "--force")
    made = {name: (kind, data) for name, kind, _, data in tensors(out)}
    expect(made["blk.0.ffn_gate_inp.weight"] == (F32, floats(*weights)), "what chooses experts stays as it is")
    expect(keys(out) == {}, "nothing says absmean any more")
    kind, data = made["blk.0.ffn_up.weight"]
    blocks = [data[18 * i:18 * i + 18] for i in range(12)]
    got = [b[2 + j // 4] >> 2 * (j % 4) & 3 for b in blocks for j in range(64)]
    parts = [absmean(weights[i:i + size]) for i in range(0, 768, size)]
    expect(kind == Q2_0 and got == [c for p in parts for c in p[0]], f"absmean by {scale}: codes")
    halves = b"".join(b[:2] for b in blocks)
    wanted = struct.pack("<12e", *(p[1] for p in parts)) if scale == "group" else struct.pack("<12e", *[1.0] * 12)
    expect(halves == wanted, f"absmean by {scale}: scales of blocks")
    beside = made.get("blk.0.ffn_up.scale", (None, b""))[1][:4 * len(parts)]
    expect(beside == (b"" if scale == "group" else floats(*(p[1] for p in parts))), f"absmean by {scale}: scales beside")

# A network that becomes ternary at load, its output matrix too, is the same one when it is in the file.
hgrn = SOURCE / "tests/golden/hf-hgrn"
convert(hgrn, out, "--absmean", "--type", "i2_s", "--force")
expect(logits(out) == logits(hgrn) is not None, "absmean is what a load does")

# Memory: rows pass through, a matrix does not.
if not os.environ.get("TERN_TESTS_SANITIZED"):
    big = write(work / "big.gguf", [("blk.0.m.weight", (4096, 16384), F16, b"")])
    os.truncate(big, big.stat().st_size + 2 * 4096 * 16384)
    # By way of a process that is small itself: what it has at first counts as its child's.
    watcher = ("import os, subprocess, sys; c = subprocess.Popen(sys.argv[1:]); _, s, u = os.wait4(c.pid, 0);"
               "print(u.ru_maxrss); sys.exit(s != 0)")
    child = subprocess.run([sys.executable, "-S", "-c", watcher, tern, "convert", big, out, "--absmean", "--force"], capture_output=True)
    most = int(child.stdout) * (1 if sys.platform == "darwin" else 1024)
    cases += 1
    expect(child.returncode == 0 and most < 32 << 20, f"memory: {most} bytes for a file of {big.stat().st_size}")
    print(f"memory: {most} bytes for a file of {big.stat().st_size}")
finish(cases)
