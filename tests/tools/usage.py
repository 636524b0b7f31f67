#!/usr/bin/env python3
"""usage.py TERN: wrong command lines get one line and exit status 2, help and version exit status 0."""
import sys

from support import expect, expect_line, finish, run

tern = sys.argv[1]
WRONG = [
    ([], "command"),
    (["frobnicate"], "frobnicate"),
    (["run", "--frobnicate"], "--frobnicate"),
    (["run", "stray"], "stray"),
    (["run", "-n"], "-n"),
    (["run", "-n", "--greedy"], "-n"),
    (["run", "-n", "ten"], "ten"),
    (["run", "-n", "5x"], "5x"),
    (["run", "-n", "-5"], "-5"),
    (["run", "-n", "0"], "0"),
    (["run", "-n", "99999999999999999999"], "99999999999999999999"),
    (["run", "--greedy", "--temp", "0.5"], "--greedy"),
    (["run", "--greedy", "--top-k", "5"], "--greedy"),
    (["run", "--greedy", "--seed", "5"], "--greedy"),
    (["run", "--greedy=yes"], "--greedy"),
    (["run", "--temp", "-1"], "--temp"),
    (["run", "--temp", "nan"], "--temp"),
    (["run", "--temp", "hot"], "hot"),
    (["run", "--top-p", "1.5"], "--top-p"),
    (["run", "--min-p", "2"], "--min-p"),
    (["run", "--seed", "-1"], "--seed"),
    (["run", "--seed", "18446744073709551616"], "to 18446744073709551615,"),
    (["run", "--stop", ""], "--stop"),
    (["run", "--kv", "f64"], "f64"),
    (["run", "--head", "q4"], "q4"),
    (["run", "-p", "a", "-f", "b"], "-f"),
    (["logits", "--ids", "1"], "--model"),
    (["logits", "-m", "x"], "--ids"),
    (["logits", "-m", "x", "--ids", "1,,2"], "1,,2"),
    (["logits", "-m", "x", "--ids", "1,-2"], "1,-2"),
    (["logits", "-m", "x", "--ids", ""], "--ids"),
    (["logits", "-m", "x", "--ids", "1,2", "--positions", "2"], "2"),
    (["tokenize"], "--decode"),
    (["tokenize", "-p", "a", "-f", "b"], "-f"),
    (["tokenize", "-p", "a", "--decode", "1"], "--decode"),
    (["tokenize", "--decode", "1,x"], "1,x"),
    (["perplexity"], "FILE"),
    (["perplexity", "a", "--context", "3"], "3"),
    (["perplexity", "a", "--context", "8", "--stride", "9"], "9"),
    (["perplexity", "a", "--stride", "0"], "0"),
    (["embed"], "text"),
    (["embed", "-p", "a", "-f", "b"], "-f"),
    (["embed", "-p", "a", "--pooling", "max"], "max"),
    (["inspect"], "MODEL"),
    (["inspect", "a", "b"], "b"),
    (["devices", "all"], "all"),
]
for args, word in WRONG:
    expect_line(" ".join(["tern", *args]), run(tern, *args), 2, [word])

for args, word in ((["--help"], b"commands:"), (["-h"], b"commands:"), (["run", "-h"], b"--repeat-penalty"), (["--version"], b"tern 0."), (["run", "--help"], b"--repeat-penalty"),
                   (["logits", "--help"], b"--positions"), (["inspect", "--help"], b"MODEL"), (["devices", "--help"], b"--json")):
    done = run(tern, *args)
    expect(done.returncode == 0 and word in done.stdout and not done.stderr, " ".join(args), done)
finish(len(WRONG) + 8)
