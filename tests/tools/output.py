#!/usr/bin/env python3
"""output.py TERN: what the commands print is what design says, to the bit where it is a number."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

from gguf_edit import Gguf
from support import expect, find_model, finish, run

tern = sys.argv[1]
path = find_model("rand-b158-i2_s.gguf")
golden = json.loads(find_model("rand-b158-i2_s.golden.json").read_text())


def bits(value):
    return struct.pack(">f", value).hex()


def load(done):
    expect(done.returncode == 0 and not done.stderr, "done without a word on stderr", done)
    return json.loads(done.stdout)


# what cannot be written is a failure, of every command
for args in (["logits", "-m", path, "--ids", "1"], ["logits", "-m", path, "--ids", "1", "--json"], ["inspect", path],
             ["inspect", path, "--json"], ["devices"], ["run", "-m", path, "-n", "2", "--json"], ["--help"]):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tern, *map(str, args)], stdout=full, stderr=subprocess.PIPE, timeout=300)
    expect(done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"written" in done.stderr,
           f"a full disk is told: {args[0]}", subprocess.CompletedProcess(args, done.returncode, b"", done.stderr))

# logits
ids = "1,5,7,300,2"
whole = load(run(tern, "logits", "-m", path, "--ids", ids, "--positions", "4,0,2", "--json"))
expect(sorted(whole) == ["backend", "bits", "logits", "positions"], "fields of logits")
expect(whole["positions"] == [4, 0, 2] and len(whole["logits"]) == len(whole["bits"]) == 3, "positions as asked for")
expect(all(len(row) == 512 for row in whole["logits"]), "one logit for each token")
expect(all(bits(v) == b for values, words in zip(whole["logits"], whole["bits"]) for v, b in zip(values, words)),
       "decimals read back as the bits beside them")
last = load(run(tern, "logits", "-m", path, "--ids", ids, "--json"))
expect(last["positions"] == [4] and last["bits"][0] == whole["bits"][0], "the default is the last position")
single = load(run(tern, "logits", "-m", path, "--ids", "1", "--json"))
expect(single["bits"][0] == whole["bits"][1], "later ids do not change the bits of earlier positions")
reference = load(run(tern, "logits", "-m", path, "--ids", ids, "--positions", "4,0,2", "--json", "--backend", "reference"))
expect(reference["bits"] == whole["bits"] and reference["backend"] == "reference", "the same bits on the reference backend")
wide = load(run(tern, "logits", "-m", path, "--ids", ids, "--kv", "f32", "--json"))
expect(wide["bits"] != last["bits"], "a float32 cache is another computation")
rounded = load(run(tern, "logits", "-m", path, "--ids", ids, "--head", "q8", "--json"))
expect(rounded["head"] == "q8_0" and rounded["bits"] != last["bits"], "an int8 output matrix is another, and said")
expect(load(run(tern, "logits", "-m", path, "--ids", ids, "--head", "file", "--json"))["bits"] == last["bits"], "--head file")
said = run(tern, "logits", "-m", path, "--ids", ids, "--head", "q8").stderr + run(tern, "run", "-n", "1", "--head", "q8").stderr
expect(said.count(b"output matrix q8_0") == 2, "an int8 output matrix is said where text is printed")
text = run(tern, "logits", "-m", path, "--ids", ids, "--positions", "0").stdout.decode().splitlines()
expect(len(text) == 512 and text[3].split()[:2] == ["0", "3"] and text[3].split()[3] == whole["bits"][1][3], "as text")

# run
story = load(run(tern, "run", "-m", path, "-p", "Once upon", "-n", "12", "--greedy", "--json"))
expect(sorted(story) == sorted(["model", "backend", "device", "prompt_ids", "ids", "text", "stop", "timings"]), "fields of run")
expect(sorted(story["timings"]) == sorted(["load_ms", "prompt_ms", "prompt_tok_s", "decode_ms", "decode_tok_s"]), "timings")
expect(story["model"] == str(path) and story["stop"] in ("length", "eos") and len(story["ids"]) <= 12, "values of run")
again = load(run(tern, "run", "-m", path, "-p", "Once upon", "-n", "12", "--greedy", "--json"))
expect(again["ids"] == story["ids"], "greedy runs repeat")

SEEDS = [["--seed", "1"], ["--seed", "1", "--temp", "0.8", "--top-k", "40", "--top-p", "0.95"], ["--seed", "2"], [], ["--seed", "0"]]
drawn = [load(run(tern, "run", "-m", path, "-n", "24", "--json", *args)) for args in SEEDS]
expect(drawn[0]["ids"] == drawn[1]["ids"], "the documented defaults are the defaults")
expect(drawn[0]["ids"] != drawn[2]["ids"], "another seed gives another text")
expect(drawn[3]["ids"] == drawn[4]["ids"] and drawn[3]["seed"] == 0, "the default seed is 0")
expect(load(run(tern, "run", "-m", path, "-n", "24", "--json", "--temp", "0"))["ids"] ==
       load(run(tern, "run", "-m", path, "-n", "24", "--json", "--greedy"))["ids"], "temperature 0 is greedy")

long = load(run(tern, "run", "-m", path, "-p", "word " * 30, "--greedy", "--json"))
expect(len(long["ids"]) + len(long["prompt_ids"]) <= 257, "without -n the context is not passed")

streamed = run(tern, "run", "-m", path, "-p", "Once upon", "-n", "12", "--greedy")
lines = streamed.stderr.decode().splitlines()
expect(streamed.returncode == 0 and streamed.stdout.startswith(b"Once upon"), "the text begins with the prompt", streamed)
expect(len(lines) == 1 and "tok/s" in lines[0] and "\r" not in lines[0], "one line of timings, no bar", streamed)
one = run(tern, "run", "-m", path, "-p", "Once upon", "-n", "1", "--greedy").stderr
expect(b" 1 tokens; greedy" in one, "one token alone has no speed of decoding")
if story["stop"] == "length" and "\ufffd" not in story["text"]:
    expect(streamed.stdout.decode() == "Once upon" + story["text"] + "\n", "streamed as in JSON", streamed)

with tempfile.TemporaryDirectory() as folder:
    prompt = pathlib.Path(folder) / "prompt.txt"
    prompt.write_bytes("Once upon".encode())
    for args, stdin in ((["-f", str(prompt)], None), (["-f", "-"], b"Once upon")):
        got = load(run(tern, "run", "-m", path, *args, "-n", "12", "--greedy", "--json", stdin=stdin))
        expect(got["ids"] == story["ids"], f"a prompt by {args}")

stop = story["text"][2:5]
stopped = load(run(tern, "run", "-m", path, "-p", "Once upon", "-n", "12", "--greedy", "--json", "--stop", "@@@", "--stop", stop))
expect(stopped["stop"] == "string" and stopped["text"] == story["text"].split(stop)[0], "a stop string ends the text")

report = run(tern, "run", "-m", path, "-n", "2", "--greedy", "--report")
expect(b"bitlinear" in report.stderr and b"attention" in report.stderr, "--report lists ops", report)

for command in (["run", "-n", "2", "--greedy", "-p", "Once"], ["logits", "--ids", "1,5"]):
    timed = run(tern, *command, "-m", path, "--backend", "reference", env={"TERN_PROFILE": "1"})
    rows = [line.split() for line in timed.stderr.decode().splitlines() if line.endswith(" reference: reference, by the host's clock")]
    expect(timed.returncode == 0 and any(r[4] == "bitlinear" and float(r[0]) > 0 and int(r[2]) > 0 for r in rows),
           f"TERN_PROFILE lists what ops took: {command[0]}", timed)
    expect([float(r[0]) for r in rows] == sorted((float(r[0]) for r in rows), reverse=True), "the longest first", timed)

# inspect and devices
shown = load(run(tern, "inspect", path, "--json"))
expect(shown["metadata"]["general.architecture"] == "bitnet-b1.58", "a string of the metadata")
expect(shown["metadata"]["bitnet-b1.58.block_count"] == 3, "a number of the metadata")
expect(len(shown["metadata"]["tokenizer.ggml.tokens"]) == 512, "an array of the metadata")
with tempfile.TemporaryDirectory() as folder:
    odd = Gguf(path)
    odd.data[odd.keys["general.name"][0] + 8 + len("general.")] = 0xff  # of the key itself
    names = load(run(tern, "inspect", odd.save(pathlib.Path(folder) / "odd.gguf"), "--json"))["metadata"]
expect("general.\ufffdame" in names, "a key that is no UTF-8 leaves the JSON valid")
tensor = next(t for t in shown["tensors"] if t["name"] == "blk.0.attn_q.weight")
expect(tensor["type"] == "I2_S" and tensor["shape"] == [384, 384] and tensor["supported"] is True, "a tensor")
expect(shown["memory"]["weight_bytes"] > 0, "the memory estimate")
expect(run(tern, "inspect", path).stdout.count(b"blk.0.attn_q.weight") == 1, "a tensor as text")

names = run(tern, "inspect", "--architectures").stdout.decode().split("\n")
expect({"bitnet-b1.58", "llama", "hgrn-bit", "BitNetForCausalLM", "LlamaForCausalLM"} < set(names), "what can be run")

listed = load(run(tern, "devices", "--json", "--ops"))
entry = next(b for b in listed["backends"] if b["name"] == "reference")
expect(entry["state"] == "ready" and entry["devices"][0]["numerics"] == "exact", "the reference backend")
expect({o["op"]: o["placement"] for o in entry["devices"][0]["ops"]}.get("bitlinear") in ("native", "composed"), "its ops")
expect(b"reference: ready" in run(tern, "devices").stdout, "devices as text")
finish(54)
