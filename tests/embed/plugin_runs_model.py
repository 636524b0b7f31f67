#!/usr/bin/env python3
"""plugin_runs_model.py PREFIX PLUGIN_FOLDER MODEL: the plugin runs a model, says the same as the reference backend, and the
report shows the ternary matmuls on the plugin and the rest in fallback."""
import json
import os
import pathlib
import subprocess
import sys

prefix, folder, model = sys.argv[1:]
tern = next(pathlib.Path(prefix).glob("bin/tern"))
conformance = next(pathlib.Path(prefix).glob("bin/tern-conformance"))
env = dict(os.environ, TERN_PLUGIN_PATH=folder)


def run(*args):
    done = subprocess.run([str(tern), "run", "-m", model, "-n", "24", "--greedy", *args], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"tern run {' '.join(args)} failed: {done.stderr}")
    return done


ids = {name: json.loads(run("--json", "--backend", name).stdout)["ids"] for name in ("mini", "reference")}
if ids["mini"] != ids["reference"]:
    sys.exit(f"the plugin tells another story: {ids}")

report = run("--backend", "mini", "--report").stderr
lines = [line.split() for line in report.splitlines()]
matmuls = [line for line in lines if "bitlinear" in line]
if not matmuls or not all("composed" in line and "mini" in " ".join(line) for line in matmuls):
    sys.exit(f"bitlinear is not composed with its matmul on the plugin:\n{report}")
if not any("fallback" in line and "attention" in line for line in lines):
    sys.exit(f"attention is not in fallback:\n{report}")

done = subprocess.run([str(conformance), "--backend", "mini", "--plugin", f"{folder}/tern-mini.so", "--quick"], env=env,
                      capture_output=True, text=True)
print(done.stdout)
sys.exit(done.returncode)
