#!/usr/bin/env python3
"""tokenizing.py TERN: ids and texts as `tern tokenize` prints them, of the model that comes along."""
import json
import pathlib
import sys
import tempfile

from support import SOURCE, expect, expect_line, finish, run

tern = sys.argv[1]
model = ["-m", SOURCE / "tools/models/tern-stories.gguf"]
golden = json.loads((SOURCE / "tests/golden/tern-stories.golden.json").read_text())
count = 0


def tokenize(*args, stdin=None):
    global count
    count += 1
    return run(tern, "tokenize", *model, *args, stdin=stdin)


for case in golden["cases"]:
    ids, prompt = case["prompt_ids"], case["prompt"]
    done = tokenize("-p", prompt, "--json")
    expect(json.loads(done.stdout)["ids"] == ids, f"ids of {prompt!r}", done)
    done = tokenize("-f", "-", "--ids", stdin=prompt.encode())
    expect(done.stdout.decode() == ",".join(map(str, ids)) + "\n", f"ids of {prompt!r} from stdin", done)
    done = tokenize("--decode", ",".join(map(str, ids)))
    expect(done.stdout.decode() == prompt, f"text of {ids}", done)
    done = tokenize("--decode", ",".join(map(str, ids)), "--special", "--json")
    expect(json.loads(done.stdout)["text"] == "<s>" + prompt or json.loads(done.stdout)["text"] == "<s> " + prompt,
           f"text of {ids} with the control token", done)
    done = tokenize("-p", prompt, "--no-bos", "--ids")
    expect(done.stdout.decode() == ",".join(map(str, ids[1:])) + "\n", f"ids of {prompt!r} alone", done)
lines = tokenize("-p", "Once").stdout.decode().splitlines()
expect([int(line.split()[0]) for line in lines][0] == 1 and lines[0].endswith('"<s>"'), "a line for each token")

for text in ("x", " x", "  x", "     x", " ", "   "):  # of the spaces only the one that was put before goes
    ids = json.loads(tokenize("-p", text, "--json").stdout)["ids"]
    done = tokenize("--decode", ",".join(map(str, ids)))
    expect(done.stdout.decode() == text, f"{text!r} again", done)

for size in (0, 1, 3, 5):
    expect(tokenize("-p", "</s>" * size, "--special", "--no-bos", "--ids").stdout.decode().count("2") == size, "</s>")

expect_line("no such id", tokenize("--decode", "2048"), 1, ["2048"])
expect_line("no such file", run(tern, "tokenize", "-m", "/nonexistent", "-p", "a"), 1, ["/nonexistent"])
with tempfile.TemporaryDirectory() as folder:
    other = pathlib.Path(folder) / "other"
    other.write_text("no tokenizer at all\n")
    expect_line("another file", run(tern, "tokenize", "-m", other, "-p", "a"), 1, [str(other), "not a tokenizer"])
    expect_line("no vocabulary", run(tern, "tokenize", "-m", folder, "-p", "a"), 1, [folder])
finish(count + 4)
