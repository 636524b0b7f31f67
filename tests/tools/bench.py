#!/usr/bin/env python3
"""bench.py TERN: what `tern bench` writes, and what it says of wrong requests. No time is asserted."""
import json
import math
import os
import pathlib
import sys
import tempfile

from support import expect, expect_line, find_model, finish, run

tern = sys.argv[1]
OPS = ["quantize_act", "ternary_matmul", "bitlinear", "linear", "rms_norm", "rotary", "kv_append", "attention", "gated", "add",
       "mul", "scale", "activation", "softmax", "embedding", "copy", "layer_norm",
       "recurrence", "argmax", "route", "expert_bitlinear", "combine"]
cases = 0

# wrong requests name what there is
for args, words in ((["bench"], ["roofline", "ops", "growth"]), (["bench", "frobnicate"], ["frobnicate", "roofline"]),
                    (["bench", "ops", "--op", "softmin"], ["softmin", *OPS]),
                    (["bench", "ops", "--op", ""], ["--op"]),
                    (["bench", "ops", "--shape", "huge"], ["huge", "2560x2560", "4096x14336", "3072x9216", "128256"]),
                    (["bench", "ops", "--shape", "0x5"], ["0x5"]), (["bench", "ops", "--shape", "5x"], ["5x"]),
                    (["bench", "ops", "--shape", "5x5x5"], ["5x5x5"]),
                    (["bench", "ops", "--shape", "99999999999x5"], ["99999999999x5"]),
                    (["bench", "ops", "--type", "t3"], ["t3", "t2", "q8_0"]),
                    (["bench", "ops", "--rows", "1,,2"], ["1,,2"]), (["bench", "ops", "--rows", "0"], ["--rows"]),
                    (["bench", "ops", "stray"], ["stray"]), (["bench", "model", "--shape", "13b"], ["13b", "2b-4t", "0.7b", "3b", "8b"]),
                    (["bench", "model", "-m", "x", "--shape", "3b"], ["-m", "--shape"]), (["bench", "model", "--kv", "f8"], ["f8"]), (["bench", "roofline", "--rows", "1"], ["--rows"])):
    cases += 1
    expect_line(" ".join(args), run(tern, *args), 2, words)
expect_line("no such backend", run(tern, "bench", "roofline", "--backend", "typo"), 1, ["typo", "reference"])
for other in (["--shape", "64x64"], ["--type", "t2"]):  # nothing is measured first
    expect_line("an op that is not so", run(tern, "bench", "ops", "--op", "add", "--rows", "1", *other), 2, ["shape", "KxN"])


def number(value, positive=True):
    return value is None or (isinstance(value, (int, float)) and (value > 0 or not positive and value >= 0))


def check_report(what, report, backend):
    expect(sorted(report) == ["date", "device", "results", "roofline", "tern"], f"{what}: members")
    expect(sorted(report["device"]) == ["backend", "driver", "name"], f"{what}: device")
    expect(report["device"]["backend"] == backend, f"{what}: the backend asked for")
    expect(sorted(report["roofline"]) == ["f32_gmac_s", "int8_gmac_s", "read_gb_s"], f"{what}: roofline")
    expect(all(number(v) for v in report["roofline"].values()), f"{what}: peaks are numbers above 0, or null")
    expect(len(report["date"]) == 20 and report["date"][10] == "T" and report["date"][-1] == "Z", f"{what}: date")


def check_op(what, r, read):
    expect(set(r) >= {"name", "type", "k", "n", "rows", "us", "us_spread", "gb_s", "gmac_s", "share", "ok"}, f"{what}: members")
    expect(r["ok"] is True, f"{what}: right bits")
    expect(r["us"] > 0 and number(r["us_spread"], False) and r["gb_s"] > 0 and number(r["gmac_s"]), f"{what}: numbers")
    # the share is of what the same run measured
    if read and r["share"] and r["gmac_s"] is None:
        expect(abs(r["share"] - r["gb_s"] / read) < 1e-3 * r["share"], f"{what}: the share of the read bandwidth")


def bench(what, *args, backend):
    done = run(tern, "bench", *args, "--json", "--backend", backend)
    expect(done.returncode == 0 and done.stderr == b"", f"{what}: done without a word", done)
    report = json.loads(done.stdout) if done.returncode == 0 else {"results": [], "roofline": {}}
    if report["roofline"]:
        check_report(what, report, backend)
    return report


# every op on every backend, at a small shape; a wrong bit would be an error
sanitized = bool(os.environ.get("TERN_TESTS_SANITIZED"))
ready = [b["name"] for b in json.loads(run(tern, "devices", "--json").stdout)["backends"] if b["state"] == "ready"]
for backend in [b for b in ready if not sanitized or b in ("reference", "cpu")]:
    rows = bench(f"{backend}: by rows", "ops", "--quick", "--shape", "64", "--rows", "1,3", backend=backend)
    wide = bench(f"{backend}: matrices", "ops", "--quick", "--shape", "128x64", "--context", "70", "--rows", "2", backend=backend)
    for report in (rows, wide):
        for r in report["results"]:
            if r["name"] in OPS:
                check_op(f"{backend} {r['name']}", r, report["roofline"]["read_gb_s"])
    names = {r["name"] for r in rows["results"] + wide["results"]}
    expect(names == {*OPS, "submit", "launch"}, f"{backend}: every op was measured")
    expect(all(r["k"] == 128 and r["n"] == 64 and r["rows"] == 2 for r in wide["results"] if r["name"] in OPS), f"{backend}: shape")
    expect(all(r["context"] == 70 for r in wide["results"] if r["name"] == "attention"), f"{backend}: context")
    cases += 2

# every type; bytes and multiply-adds follow from the definition
K, N, ROWS = 320, 48, 2
BYTES = {"t2": K / 4, "t5": K / 5, "b1": K / 8, "f32": 4 * K, "f16": 2 * K, "bf16": 2 * K, "q8_0": K // 32 * 34}
for op, types in (("ternary_matmul", ("t2", "t5", "b1")), ("linear", ("f32", "f16", "bf16", "q8_0"))):
    for kind in types:
        cases += 1
        report = bench(f"{op} {kind}", "ops", "--quick", "--warm", "--op", op, "--type", kind, "--shape", f"{K}x{N}", "--rows",
                       str(ROWS), backend="reference")
        r = [r for r in report["results"] if r["name"] == op][0]
        inputs = ROWS * (K + 4 if op == "ternary_matmul" else 4 * K)
        expect(r["type"] == kind and r["ok"], f"{op} {kind}: measured and right")
        expect(abs(r["gb_s"] * r["us"] * 1e3 - (N * BYTES[kind] + inputs + 4 * ROWS * N)) < 4, f"{op} {kind}: bytes")
        expect(abs(r["gmac_s"] * r["us"] * 1e3 - ROWS * K * N) < 4, f"{op} {kind}: multiply-adds")


def measure_one(op, shape, *more):
    report = bench(f"{op} {shape}", "ops", "--quick", "--warm", "--op", op, "--shape", shape, "--rows", str(ROWS), *more,
                   backend="reference")
    r = [r for r in report["results"] if r["name"] == op][0]
    return r["gb_s"] * r["us"] * 1e3, (r["gmac_s"] or 0) * r["us"] * 1e3


got, macs = measure_one("rms_norm", "640")
expect(abs(got - 4 * (2 * ROWS * 640 + 640)) < 4, "rms_norm: bytes")
got, macs = measure_one("attention", "256x128", "--context", "99")
positions = 99 + ROWS
expect(abs(got - (2 * ROWS * 4 * 256 + 2 * positions * 2 * 128 + 2 * 4 * ROWS + 4 * 2)) < 4, "attention: bytes")
expect(abs(macs - 2 * 256 * (ROWS * 99 + 1 + 2)) < 4, "attention: each row sees what came before it")

got, macs = measure_one("attention", "256x128", "--context", "300", "--window", "100")
positions = 99 + ROWS # 201 to 301, which lie in two blocks
expect(abs(got - (2 * ROWS * 4 * 256 + 2 * positions * 2 * 128 + 2 * 4 * ROWS + 4 * 2)) < 4, "attention with a window: bytes")
expect(abs(macs - 2 * 256 * ROWS * 100) < 4, "attention with a window: multiply-adds")

got, macs = measure_one("expert_bitlinear", "128x64")  # 8 of 256 experts for each row, all different
expect(abs(got - (ROWS * (4 * 128 + 8 * 4 + 8 * 4 * 64) + ROWS * 8 * 64 * 128 / 4)) < 4, "expert_bitlinear: bytes")
expect(abs(macs - ROWS * 8 * 64 * 128) < 4, "expert_bitlinear: multiply-adds")

# whose clock it was is said
done = run(tern, "bench", "ops", "--quick", "--timestamps", "--op", "add", "--shape", "64", "--rows", "1", "--json", "--backend",
           "reference")
clocks = {r["clock"] for r in json.loads(done.stdout)["results"] if r["name"] == "add"}
expect(clocks == {"host"} and b"reference writes no timestamps" in done.stderr, "a device without timestamps says so", done)
for backend in ready:
    report = json.loads(run(tern, "bench", "ops", "--quick", "--timestamps", "--op", "add", "--shape", "6912", "--rows", "8",
                            "--json", "--backend", backend).stdout)
    r = [r for r in report["results"] if r["name"] == "add"][0]
    expect(r["clock"] in ("host", "device") and r["us"] > 0 and r["ok"], f"{backend}: timed by its clock or the host's")

# TERN_PROFILE=1: what the ops took, at the end
done = run(tern, "bench", "ops", "--quick", "--op", "add", "--shape", "64", "--rows", "1", "--backend", "reference",
           env={"TERN_PROFILE": "1"})
expect(done.returncode == 0 and b" add " in done.stderr and b"by the host's clock" in done.stderr, "a profile of what was measured", done)

# which instructions were measured is said, so that masks are told apart
if "cpu" in ready:
    done = run(tern, "bench", "ops", "--quick", "--op", "add", "--shape", "64", "--rows", "1", "--json", "--backend", "cpu",
               env={"TERN_CPU_MASK": "scalar", "TERN_THREADS": "1"})
    expect(json.loads(done.stdout)["device"]["driver"].endswith(", scalar threads=1"), "the driver says what is used", done)

# growth: curves with a name; measurements, for which a sanitizer takes four minutes
report = {"results": []} if sanitized else bench("growth", "growth", "--quick", backend="cpu" if "cpu" in ready else "reference")
series = {r.get("series") for r in report["results"] if r["name"] in OPS}
expect(sanitized or (series >= {"rows", "k", "n", "context"} and None not in series), "growth has its series")
expect(sanitized or "cpu" not in ready or {r["threads"] for r in report["results"] if r.get("series") == "threads"} >= {1}, "threads")


def expected_share(file, roofline, result):
    """Of a step, from the file's tensors and the definition: the least time that the roofline allows / the time."""
    whole = json.loads(run(tern, "inspect", "--json", file).stdout)
    key = {name.removeprefix(whole["metadata"]["general.architecture"] + "."): value for name, value in whole["metadata"].items()}
    rows, wanted = result["rows"], result["rows"] if result["name"] == "batch" else 1
    asked, experts = rows * key.get("expert_used_count", 1), key.get("expert_count", 1)
    sizes = {t["name"]: math.prod(t["shape"]) for t in whole["tensors"]}
    head = sizes["token_embd.weight"]
    layers = sum(size for name, size in sizes.items() if name.startswith("blk.") and "_exps" not in name)
    all_experts = sum(size for name, size in sizes.items() if "_exps" in name)
    read = layers / 4 + all_experts / 4 * min(asked, experts) / experts + head * 2
    heads, kv_heads, width = (key["attention." + name] for name in ("head_count", "head_count_kv", "key_length"))
    seen = rows * (result.get("context", 0) + (rows + 1) / 2)
    memory = (read + (result.get("context", 0) + rows) * key["block_count"] * kv_heads * width * 4) / roofline["read_gb_s"]
    body = rows * (layers + all_experts * key.get("expert_used_count", 1) / experts) / roofline["int8_gmac_s"]
    rest = (wanted * head + seen * key["block_count"] * heads * width * 2) / roofline["f32_gmac_s"]
    return max(memory, body + rest) * 1e-3 / result["us"]


# a model of a file, and its bits; every architecture's random weights load (0.7b whole, on the fastest backend)
expect_line("no such model", run(tern, "bench", "model", "-m", "absent.gguf", "--backend", "reference"), 1, ["absent.gguf"])
tiny = find_model("rand-b158-i2_s.gguf")
for backend in [b for b in ready if b != "reference"]:
    cases += 1
    report = bench(f"{backend}: model", "model", "-m", tiny, "--quick", backend=backend)
    found = {r["name"]: r for r in report["results"]}
    expect(set(found) == {"submit", "launch", "load", "memory", "prefill", "decode", "first_token", "batch"}, f"{backend}: model")
    for name in ("prefill", "decode", "batch"):
        r = found.get(name, {})
        expect(r.get("ok") is True and r.get("model") == tiny.name, f"{backend}: {name} has the reference's bits")
        expect(abs(r.get("tok_s", 0) * r.get("us", 0) / (r.get("rows", 0) * 1e6) - 1) < 1e-4, f"{backend}: {name} tok/s")
        if "share" in r:
            share = expected_share(tiny, report["roofline"], r)
            expect(abs(r["share"] / share - 1) < 0.05, f"{backend}: {name}: share {r['share']}, not {share}")
    expect(found.get("decode", {}).get("context") == 0 and found["decode"]["rows"] == 1, f"{backend}: decode at 0")
    expect(found["memory"]["device_bytes"] > 1e5 and number(found["memory"].get("host_bytes")), f"{backend}: memory")

    counted = [found["decode"].get(key) for key in ("host_us", "submits", "dispatches")]
    if backend in ("vulkan", "opencl"):
        expect(counted[0] > 0 and counted[1] == 1 and 0 < counted[2] < 16, f"{backend}: one submit a token, and what the host adds")
    else:
        expect(counted == [None] * 3, f"{backend}: nothing is counted")

# of experts, those that are asked for; and what changes the logits is said
if "cpu" in ready:
    experts = find_model("tiny-qwen3moe.gguf")
    report = bench("experts", "model", "-m", experts, "--quick", backend="cpu")
    for r in [r for r in report["results"] if "share" in r]:
        share = expected_share(experts, report["roofline"], r)
        expect(abs(r["share"] / share - 1) < 0.05, f"experts: {r['name']} {r['rows']}: share {r['share']}, not {share}")
    report = bench("int8", "model", "-m", experts, "--quick", "--kv", "i8", "--head", "q8", backend="cpu")
    expect({r["model"] for r in report["results"] if "tok_s" in r} == {"tiny-qwen3moe.gguf, head q8, kv i8"}, "q8 and i8 are said")
    done = run(tern, "bench", "model", "-m", experts, "--quick", "--kv", "i8", "--backend", "cpu")
    expect(b"tiny-qwen3moe.gguf, kv i8" in done.stdout and b" spread " in done.stdout, "in the table too, whose columns have heads", done)

# all parts for several backends, into a folder
with tempfile.TemporaryDirectory() as folder:
    asked = [b for b in ready if b in ("cpu", "reference")]
    ask = ["bench", "device", folder, "-m", tiny, "--quick", *[x for b in asked for x in ("--backend", b)]]
    done = run(tern, *ask)
    expect(done.returncode == 0, "a report of several parts", done)
    files = {f"{b}-{part}.json" for b in asked for part in ("roofline", "ternary", "model")}
    expect({p.name for p in pathlib.Path(folder).iterdir()} == files, "one file a part and backend")
    for name in files:
        report = json.loads((pathlib.Path(folder) / name).read_text())
        check_report(name, report, name.split("-")[0])
        peaks = [r["host_bytes"] for r in report["results"] if "host_bytes" in r]
        expect(sanitized or not peaks or peaks[0] < 100 << 20, f"{name}: the memory of this part, not of those before: {peaks}")
    done = run(tern, *ask)
    expect(done.returncode == 1 and b"--force" in done.stderr, "files are not overwritten", done)
    expect_line("no folder", run(tern, "bench", "device", tiny), 1, ["cannot be made"])
    expect_line("which folder", run(tern, "bench", "device"), 2, ["FOLDER"])
    expect(run(tern, "bench", "device", folder, "--backend", "typo").returncode == 1, "no such device")

if "cpu" in ready and not sanitized:
    report = bench("random weights", "model", "--shape", "0.7b", "--quick", backend="cpu")
    expect({r["model"] for r in report["results"] if "tok_s" in r} == {"0.7b"}, "a model of a known shape")

# roofline, and where it is written
report = bench("roofline", "roofline", "--quick", backend="reference")
expect([r["name"] for r in report["results"]] == ["submit", "launch", "upload", "download"], "what the roofline has beside peaks")
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "out.json"
    ask = ["bench", "roofline", "--quick", "--backend", "reference", "--out", path]
    first = run(tern, *ask)
    expect(first.returncode == 0 and b"submit" in first.stdout and not first.stderr, "a table besides the file", first)
    check_report("file", json.loads(path.read_text()), "reference")
    path.write_text("precious")
    expect_line("the file exists", run(tern, *ask), 1, ["out.json", "--force"])
    expect(path.read_text() == "precious", "a file is not overwritten")
    expect(run(tern, *ask, "--force").returncode == 0 and json.loads(path.read_text()), "but with --force")
    for what, where in (("a folder that does not exist", "no/out.json"), ("a folder", "")):  # before anything is measured
        expect_line(what, run(tern, *ask[:-1], pathlib.Path(folder) / where, "--force"), 1, ["cannot be written"])
    again = pathlib.Path(folder) / "again.json"
    expect(run(tern, "bench", "model", "-m", "absent.gguf", "--out", again).returncode == 1 and not again.exists(), "no empty file stays")
finish(cases + 24)
