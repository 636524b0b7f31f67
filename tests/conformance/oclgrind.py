#!/usr/bin/env python3
"""oclgrind.py TERN_CONFORMANCE OCLGRIND RUNTIME [ARG...]: small shapes of every op under the OpenCL simulator, which reports
races and invalid accesses; one report or one wrong bit fails the test.

Its check for uninitialized values is off: the simulator (21.10) takes what the host wrote at an offset, and what a fill
wrote, for uninitialized."""
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
if done.returncode:
    sys.exit("the simulator's results are not the reference's")
if reports.strip():
    sys.exit(f"the simulator reports:\n{reports[:8000]}")
