#!/usr/bin/env python3
"""perplexity.py TERN: the value is the one that double precision makes of the logits of each window, whatever the
windows, and has the same bits on every backend at hand."""
import json
import math
import pathlib
import struct
import sys
import tempfile

from support import expect, expect_line, find_model, finish, run

tern = sys.argv[1]
path = find_model("rand-b158-i2_s.gguf")
TEXT = ("One day a little girl found a box under the old tree. It was red and it was full of stones. She took them "
        "home and gave one to each of her friends.\n")


def load(done):
    expect(done.returncode == 0 and not done.stderr, "done without a word on stderr", done)
    return json.loads(done.stdout)


def log_softmax(logits, index):
    most = max(logits)
    return logits[index] - most - math.log(sum(math.exp(x - most) for x in logits))


def expected(ids, context, stride):
    """Losses of the scored ids, from the logits of each window by itself."""
    first = context // 2 + 1 if stride == context else context - stride
    losses = []
    for start in range(0, len(ids) - context + 1, stride):
        window = [ids[0]] + ids[start + 1:start + context]  # the beginning-of-text id comes first in each
        scored = range(first, context)
        rows = load(run(tern, "logits", "-m", path, "--ids", ",".join(map(str, window)), "--positions",
                        ",".join(str(i - 1) for i in scored), "--json"))["logits"]
        losses += [-log_softmax(row, window[i]) for row, i in zip(rows, scored)]
    return losses


with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "text.txt"
    file.write_text(TEXT)
    ids = load(run(tern, "run", "-m", path, "-f", file, "-n", "1", "--greedy", "--json"))["prompt_ids"]
    expect(ids[0] == 1, "the text begins with its id")
    for args, context, stride, count in (([], 256, 256, len(ids)), (["--context", "32"], 32, 32, len(ids)),
                                         (["--context", "40", "--stride", "10", "--max-tokens", "75"], 40, 10, 75)):
        what = " ".join(args) or "defaults"
        if len(ids) < context:
            expect_line(what, run(tern, "perplexity", "-m", path, file, *args), 1, [str(file), "one window of 256", "--context"])
            continue
        got = load(run(tern, "perplexity", "-m", path, file, "--json", *args))
        losses = expected(ids[:count], context, stride)
        n, mean = len(losses), sum(losses) / len(losses)
        error = math.sqrt((sum(x * x for x in losses) / n - mean * mean) / (n - 1))
        expect((got["scored"], got["context"], got["stride"]) == (n, context, stride), f"{what}: what is scored")
        expect(got["windows"] == (count - context) // stride + 1, f"{what}: windows")
        expect(abs(got["nll"] - mean) < 1e-6, f"{what}: mean loss {got['nll']}, expected {mean}")
        expect(abs(got["nll_error"] - error) < 1e-6, f"{what}: its error {got['nll_error']}, expected {error}")
        expect(abs(got["perplexity"] / math.exp(mean) - 1) < 1e-6, f"{what}: perplexity")
        expect(abs(got["error"] / (math.exp(mean) * error) - 1) < 1e-5, f"{what}: error of the perplexity")
        expect(struct.pack(">d", got["perplexity"]).hex() == got["bits"], f"{what}: the bits are those of the value")
        other = load(run(tern, "perplexity", "-m", path, file, "--json", *args, "--backend", "reference"))
        expect(other["backend"] == "reference" and other["bits"] == got["bits"], f"{what}: the same bits on reference")
    text = run(tern, "perplexity", "-m", path, file, "--context", "32")
    expect(text.returncode == 0 and text.stderr.count(b"\n") == 1 and b"\r" not in text.stderr, "one line, no bar", text)
    value = load(run(tern, "perplexity", "-m", path, "-", "--context", "32", "--json", stdin=TEXT.encode()))["perplexity"]
    expect(text.stdout.decode().split()[:2] == [f"{value:.6f}", "+-"], "value and error as text", text)
    expect_line("no such file", run(tern, "perplexity", "-m", path, pathlib.Path(folder) / "none"), 1, ["none"])
    expect_line("more context than there is", run(tern, "perplexity", "-m", path, file, "--context", "257",
                                                  stdin=None), 1, ["257" if len(ids) < 257 else "256"])
finish(20)
