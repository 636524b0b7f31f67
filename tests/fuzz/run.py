#!/usr/bin/env python3
"""run.py BUILD SECONDS [SEED]: runs every fuzz target of a build at once, each with the files that fit it. Without SEED, which CI
gives so that a change fails for its own faults alone, chance differs from run to run. What one finds is printed,
with the file that shows it, and is kept in BUILD/findings. Exit status 77 names what is not there."""
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("TERN_TEST_DATA") or SOURCE / "../shared") / "data"
# Targets and where their seeds lie; the others begin with nothing.
SEEDS = {"archive": [DATA / "fuzz-seeds/gridcore-gguf_open", DATA / "gguf-fixtures"], "tokenizer": [DATA / "gguf-fixtures", SOURCE / "tests/golden/tokenizers"],
         "folder": [DATA / "safetensors-fixtures"], "convert": [DATA / "gguf-fixtures", SOURCE / "tests/golden"]}


def start(target, seconds, seed, work):
    name = target.name.removeprefix("fuzz_")
    corpus = work / name
    corpus.mkdir()
    command = [target, f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=65536", "-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1",
               f"-artifact_prefix={target.parent}/findings_{name}_", corpus, *[seed for seed in SEEDS.get(name, []) if seed.is_dir()]]
    return name, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  env={**os.environ, "TERN_SOURCE_DIR": str(SOURCE)})


def main():
    build, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    seed = sys.argv[3] if len(sys.argv) > 3 else 0
    targets = sorted(path for path in build.glob("tests/fuzz/fuzz_*") if os.access(path, os.X_OK) and path.is_file())
    if not targets:
        print(f"not run: no fuzz targets in {build}/tests/fuzz")
        sys.exit(77)
    failed = []
    with tempfile.TemporaryDirectory() as work:
        running = [start(target, seconds, seed, pathlib.Path(work)) for target in targets]
        for name, process in running:
            out = process.communicate()[0]
            runs = [line.split()[-1] for line in out.splitlines() if line.startswith("stat::number_of_executed_units")]
            print(f"{name}: {runs[0] if runs else 'no'} runs, status {process.returncode}")
            if process.returncode or not runs or int(runs[0]) < 100:
                failed.append(name)
                print("\n".join(line for line in out.splitlines()[-400:] if not line.startswith("#"))[-6000:])
    sys.exit(f"findings of {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
