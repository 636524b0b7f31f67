#!/usr/bin/env python3
"""sampling.py TERN: what the options of `tern run` that limit a text promise: JSON that parses, words that are banned."""
import json
import math
import pathlib
import sys
import tempfile

from support import SOURCE, expect, expect_line, finish, run

tern = sys.argv[1]
path = SOURCE / "tools/models/tern-stories.gguf"
folder = tempfile.TemporaryDirectory()
schema = {"type": "object", "required": ["name", "age", "likes"], "properties": {
    "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"},
    "likes": {"type": "array", "maxItems": 3, "items": {"enum": ["cats", "dogs", "the \"sea\""]}}}}


def file(name, text):
    place = pathlib.Path(folder.name, name)
    place.write_text(text)
    return place


def answer(*args):
    done = run(tern, "run", "-m", path, "-p", "The dragon said:", "--json", "-n", "120", *args)
    expect(done.returncode == 0, "done", done)
    return json.loads(done.stdout)


schema_file = file("person.json", json.dumps(schema))
for seed in range(8):
    got = answer("--json-schema", schema_file, "--seed", seed, "--temp", "1.5")
    expect(got["stop"] == "grammar", f"seed {seed}: it ends when it is complete, not by {got['stop']}")
    person = json.loads(got["text"])
    expect(list(person) == ["name", "age", "likes"] and isinstance(person["age"], int), f"seed {seed}: the schema's members")
    expect(len(person["name"]) <= 12 and set(person["likes"]) <= {"cats", "dogs", 'the "sea"'}, f"seed {seed}: their limits")

verse = file("verse.gbnf", 'root ::= " a" [a-z]{3,8} " cat" [.!]')
got = answer("--grammar", verse, "--greedy")
expect(got["text"].startswith(" a") and got["text"].rstrip(".!").endswith(" cat"), "a greedy text follows the grammar")

free = answer("--greedy", "-n", "8")["ids"]
banned = answer("--greedy", "-n", "8", "--logit-bias", f"{free[0]}=-inf")["ids"]
expect(banned[0] != free[0], "a banned token is not picked")
forced = answer("--greedy", "-n", "4", "--logit-bias", "300=1e9")["ids"]
expect(forced == [300] * 4, "a token with a large bias is picked")
expect(len(set(answer("--greedy", "-n", "40", "--frequency-penalty", "50")["ids"])) == 40, "a penalty of frequency forbids repeats")

# log probabilities: those of the logits, by the definition
got = answer("--logprobs", "5", "-n", "6", "--seed", "3", "--temp", "1.5")
ids = got["prompt_ids"] + got["ids"]
places = range(len(got["prompt_ids"]) - 1, len(ids) - 1)
rows = json.loads(run(tern, "logits", "-m", path, "--ids", ",".join(map(str, ids)), "--positions", ",".join(map(str, places)),
                      "--json").stdout)["logits"]
expect(len(got["logprobs"]) == len(rows) == 6, "one for each id")
for row, given, picked in zip(rows, got["logprobs"], got["ids"]):
    log_sum = math.log(sum(math.exp(value - max(row)) for value in row)) + max(row)
    best = sorted(range(len(row)), key=lambda i: (-row[i], i))[:5]
    expect(given["id"] == picked and abs(given["logprob"] - (row[picked] - log_sum)) < 1e-5, "the picked one's")
    expect([t["id"] for t in given["top"]] == best, "the five likeliest, in order")
    expect(all(abs(t["logprob"] - (row[t["id"]] - log_sum)) < 1e-5 for t in given["top"]), "and theirs")
greedy = answer("--logprobs", "1", "-n", "6", "--greedy")
expect([t["top"][0]["id"] for t in greedy["logprobs"]] == greedy["ids"] == answer("-n", "6", "--greedy")["ids"], "greedy picks the first")

for args, words in ((["--grammar", "nosuch.gbnf"], ["nosuch.gbnf"]),
                    (["--grammar", file("a.gbnf", "root ::= x")], ["a.gbnf", "'x' is not defined"]),
                    (["--json-schema", file("b.json", '{"pattern": "a"}')], ["b.json", "pattern"]),
                    (["--json-schema", file("c.json", "{")], ["c.json"]),
                    (["--logit-bias", "7=1", "--logit-bias", "2048=-inf"], ["--logit-bias", "2048", "0 to 2047"])):
    expect_line(str(args), run(tern, "run", "-m", path, *args), 1, words)
for args, word in ((["--logit-bias", "x=1"], "x=1"), (["--logit-bias", "1=nan"], "1=nan"), (["--logit-bias", "1=2x"], "2x"),
                   (["--logit-bias", "99999999999=1"], "99999999999"), (["--grammar", "a", "--json-schema", "b"], "exclude"),
                   (["--typical-p", "2"], "--typical-p"), (["--logprobs", "3"], "--json"), (["--logprobs", "0", "--json"], "--logprobs"), (["--greedy", "--typical-p", "0.5"], "--greedy")):
    expect_line(str(args), run(tern, "run", *args), 2, [word])
finish(45)
