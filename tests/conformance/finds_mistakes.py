#!/usr/bin/env python3
"""finds_mistakes.py TERN_CONFORMANCE PLUGIN: the mistakes of wrong.c are found, placed and counted, and only those."""
import json
import re
import subprocess
import sys

program, plugin = sys.argv[1:]


def run(*args):
    return subprocess.run([program, *args], capture_output=True, text=True)


def expect(condition, what, shown):
    if not condition:
        sys.exit(f"{what}:\n{shown}")


done = run("--plugin", plugin, "--json")
expect(done.returncode == 1, f"exit status {done.returncode}, not 1", done.stderr)
report = json.loads(done.stdout)
rows = {row["op"]: row for row in report["ops"]}
expect(report["backend"] == "wrong", "another backend was tested", report["backend"])
expect(report["device"] and report["driver"], "the device and its driver are not named", report)
expect(report["failed"] == sum(row["failed"] for row in rows.values()), "the sum is wrong", report["failed"])

add = rows["add"]
expect(add["failed"] > 0, "a wrong bit in add is not found", add)
expect(re.search(r"\): out\[0,0\] is \S+ \([0-9a-f]{8}\), expected \S+ \([0-9a-f]{8}\); 1 of \d+ elements differ",
                 " ".join(f["text"] for f in add["failures"])), "the element is not named", add["failures"])

mul = rows["mul"]
expect(mul["failed"] > 0 and mul["passed"] > 0, "a word behind a row is not found", mul)
expect(any("which no op may write" in f["text"] for f in mul["failures"]), "the byte is not named", mul["failures"])

softmax = rows["softmax"]
expect(softmax["failed"] == 0 and softmax["fallback"] > 0 and softmax["native"] == 0,
       "softmax is not reported as run in fallback", softmax)
for op in ("weights", "quantize_act", "linear", "rms_norm", "rotary", "attention", "copy", "argmax"):
    expect(rows[op]["failed"] == 0 and rows[op]["passed"] > 0, f"{op} is right and failed, or was not tested", rows[op])
    expect(rows[op]["fallback"] == 0, f"{op} is not the backend's own", rows[op])

first = run("--plugin", plugin, "--op", "add", "--case", "1")
expect(first.returncode == 1 and "FAILED add 1 (" in first.stdout, "one case alone does not fail", first.stdout)
expect(first.stdout.startswith("tern-conformance ") and
       all(part in first.stdout.splitlines()[0] for part in ("wrong:0", report["device"], "driver " + report["driver"])),
       "the first line does not name the device and its driver", first.stdout)

for args, status in ((["--backend", "typo"], 1), (["--op", "typo"], 2), (["--tiny", "--full"], 2),
                     (["--plugin", "/nonexistent.so"], 1), (["--backend", "wrong:9", "--plugin", plugin], 77)):
    done = run(*args)
    expect(done.returncode == status, f"{args}: exit status {done.returncode}, not {status}", done.stderr)
    expect(len(done.stderr.splitlines()) == 1, f"{args}: not one line on stderr", done.stderr)
known = run("--list").stdout.split()
expect(len(known) > 17 and all(op in run("--op", "typo").stderr for op in known), "an unknown op does not list the known", known)
print("every mistake found")
