#!/usr/bin/env python3
"""selection.py TERN: which device is taken, and what is said when none can be."""
import json
import sys

from support import expect, expect_line, find_model, finish, run

tern = sys.argv[1]
model = find_model("rand-b158-i2_s.gguf")
ASK = ["logits", "-m", model, "--ids", "1", "--json"]


def chosen(*args, env=None):
    done = run(tern, *ASK, *args, env=env)
    return json.loads(done.stdout)["backend"] if done.returncode == 0 else done


devices = json.loads(run(tern, "devices", "--json").stdout)
ready = [b["name"] for b in devices["backends"] if b["state"] == "ready"]
expect("reference" in ready, "the reference backend is there")
expect(devices["chosen"].split(":")[0] in ready, "the automatic choice is a backend that is ready")
for name in ready:
    expect(chosen("--backend", name) == name, f"--backend {name}")
    expect(chosen(env={"TERN_BACKEND": name}) == name, f"TERN_BACKEND={name}")
expect(chosen("--backend", "reference", env={"TERN_BACKEND": "typo"}) == "reference", "--backend goes before TERN_BACKEND")
expect(chosen(env={"TERN_BACKEND": "typo,reference"}) == "reference", "the list is tried in order")
expect(chosen(env={"TERN_BACKEND": "reference:0"}) == "reference", "an index")
expect(chosen(env={"TERN_BACKEND": ""}) == devices["chosen"].split(":")[0], "an empty variable is none")

REFUSED = [
    ("typo", ["typo", "available", "reference"]),
    ("reference:9", ["reference:9", "9"]),
    ("typo,reference:9", ["typo", "reference:9"]),
    ("reference:nosuchdevice", ["nosuchdevice"]),
]
for value, words in REFUSED:
    expect_line(f"TERN_BACKEND={value}", run(tern, *ASK, env={"TERN_BACKEND": value}), 1, words)
    expect_line(f"--backend {value}", run(tern, *ASK, "--backend", value), 1, words)

# A driver that cannot start is a reason, not a crash and not a silent processor.
known = [b["name"] for b in devices["backends"]]
for name, env in (("vulkan", {"TERN_VULKAN_LIBRARY": "/nonexistent/libvulkan.so"}),
                  ("opencl", {"TERN_OPENCL_LIBRARY": "/nonexistent/libOpenCL.so"})):
    if name in known:
        expect_line(f"{name} without its loader", run(tern, *ASK, "--backend", name, env=env), 1, [name, "/nonexistent"])
        entry = next(b for b in json.loads(run(tern, "devices", "--json", env=env).stdout)["backends"] if b["name"] == name)
        expect(entry["state"] == "unavailable" and "/nonexistent" in entry["reason"], f"tern devices says why {name} is out")
if "vulkan" in known:
    empty = {"VK_DRIVER_FILES": "/nonexistent/icd.json", "VK_ICD_FILENAMES": "/nonexistent/icd.json"}
    expect_line("vulkan without a driver", run(tern, *ASK, "--backend", "vulkan", env=empty), 1, ["vulkan"])

for env, words in (({"TERN_THREADS": "many"}, ["TERN_THREADS", "many"]), ({"TERN_NUMERICS": "sloppy"}, ["TERN_NUMERICS"]),
                   ({"TERN_LOG": "loud"}, ["TERN_LOG"])):
    expect_line(str(env), run(tern, *ASK, env=env), 1, words)
expect_line("--backend without a name", run(tern, *ASK, "--backend", ":1"), 1, [])
finish(12 + 2 * len(REFUSED))
