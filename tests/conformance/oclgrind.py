#!/usr/bin/env python3
"""oclgrind.py TERN_CONFORMANCE OCLGRIND RUNTIME [ARG...]: small shapes of every op under the OpenCL simulator, which reports
races and invalid accesses; one report fails the test.

Values decide only by whole ops: the simulator (21.10) converts negative float16 subnormals wrongly, so that single elements
of linear and copy differ there and nowhere else. Its check for uninitialized values is off: it takes what the host wrote
for uninitialized."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

program, oclgrind, runtime, *more = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    log = pathlib.Path(folder) / "log"
    # The runtime is named, because a backend that loads its driver itself never meets a preloaded one.
    done = subprocess.run([oclgrind, "--data-races", "--log", str(log), program, "--backend", "opencl:Oclgrind", "--tiny",
                           "--json", *more], capture_output=True, text=True, env=dict(os.environ, TERN_OPENCL_LIBRARY=runtime))
    reports = log.read_text() if log.exists() else ""
if done.returncode == 77:
    print(f"skipped: {done.stderr}")
    sys.exit(77)
if done.returncode not in (0, 1) or not done.stdout:
    sys.exit(f"exit status {done.returncode}: {done.stderr}")
result = json.loads(done.stdout)
print(f"{result['device']}, {result['driver']}: {result['passed']} passed, {result['failed']} failed")
for row in result["ops"]:
    for failure in row["failures"]:
        print("differs:", failure["text"])
    if row["passed"] <= 4 * row["failed"]:
        sys.exit(f"{row['op']}: {row['passed']} passed, {row['failed']} failed")
if reports.strip():
    sys.exit(f"the simulator reports:\n{reports[:8000]}")
