#!/usr/bin/env python3
"""compare.py TERN: ratios of reports, and what is refused. Reports are made here, so that every number is known."""
import json
import pathlib
import re
import sys
import tempfile

import bench_reports
from support import expect, expect_line, finish, run

tern = sys.argv[1]
version = run(tern, "--version").stdout.decode().split()[1]
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)


def op(name, us, **more):
    return {"name": name, "type": "t2", "k": 64, "n": 32, "rows": 1, "us": us, "us_spread": 0, "gb_s": 1, "gmac_s": 1, "share": 0.5,
            "ok": True, **more}


def write(name, read, results, tern=version, **more):
    path = work / name
    path.write_text(json.dumps(bench_reports.report("cpu", tern, parts=(), results=results, roofline={
        "read_gb_s": read, "int8_gmac_s": None, "f32_gmac_s": 10}, **more)))
    return path


def lines(done, start):
    """Lines that begin so, with single spaces."""
    every = [" ".join(text.split()) for text in done.stdout.decode().splitlines()]
    return [text for text in every if text.startswith(start)]


def line(done, start):
    found = lines(done, start)
    expect(len(found) == 1, f"one line begins with '{start}'", done)
    return found[0] if found else ""


a = write("a.json", 20, [op("bitlinear", 12), op("linear", 100, type="f16"), op("linear", 8, type="f16", rows=8),
                         op("bitlinear", 10, series="k"), {"name": "decode", "model": "2b", "rows": 1, "context": 0, "tok_s": 5},
                         {"name": "memory", "model": "2b", "host_bytes": 3 << 20, "device_bytes": 1}])
b = write("b.json", 60, [op("linear", 50, type="f16"), op("bitlinear", 3, ok=False), op("bitlinear", 40, series="k"),
                         {"name": "decode", "model": "2b", "rows": 1, "context": 0, "tok_s": 15},
                         {"name": "decode", "model": "2b", "rows": 1, "context": 512, "tok_s": 14},
                         {"name": "memory", "model": "2b", "host_bytes": 6 << 20, "device_bytes": 1}])
done = run(tern, "bench", "compare", a, b)
expect(done.returncode == 0 and not done.stderr, "done without a word on stderr", done)
expect("x3.00" in line(done, "roofline memory"), "memory: 60 of 20 GB/s", done)
expect("x" not in line(done, "roofline int8"), "no ratio of what was not measured", done)
matrices = lines(done, "bitlinear")
expect(len(matrices) == 2 and "x4.00 WRONG BITS" in matrices[0] and "x0.25" in matrices[1] and "WRONG" not in matrices[1],
       "four times as fast with wrong bits; a point of a curve is another result", done)
expect("x2.00" in line(done, "linear") and "1 row " in line(done, "linear"), "only what both have", done)
expect("x3.00" in line(done, "decode") and "2b" in line(done, "decode"), "tokens a second count up", done)
tiny = write("tiny.json", 20, [op("bitlinear", 3000)])
expect("x0.0040" in line(run(tern, "bench", "compare", a, tiny), "bitlinear"), "small ratios have digits too")
expect("x0.50" in line(done, "memory") and "3.00 MiB" in line(done, "memory"), "twice the memory is half as good", done)
expect("of 2" in line(done, "geometric") and "x2.83" in line(done, "geometric"), "the mean of 4 and 2", done)
expect(bool(re.match(r"A: cpu, Imaginary CPU.*\nB: cpu, ", done.stdout.decode())), "letters for reports", done)
again = run(tern, "bench", "compare", a, b, a)
linear = lines(again, "linear")
expect(len(linear) == 2 and linear[0].endswith("50.0 us x2.00 100 us x1.00") and linear[1].endswith("8.00 us 8.00 us x1.00"),
       "three reports; what the second lacks is blank", again)

# What one device measured in several runs belongs together.
growth = write("growth.json", 20, [op("attention", 7, k=9), {"name": "submit", "us": 4}])
other = write("other.json", 20, [op("attention", 7, k=9), {"name": "submit", "us": 4}], device={
    "backend": "vulkan", "name": "Imaginary GPU", "driver": "1"})
merged = run(tern, "bench", "compare", a, growth, other)
expect(len(re.findall(r"^[A-Z]: ", merged.stdout.decode(), re.M)) == 2 and lines(merged, "B: vulkan"), "two devices", merged)
expect(line(merged, "attention").endswith("7.00 us 7.00 us x1.00") and "x1.00" in line(merged, "submit"), "their results", merged)

# What is refused: the other reports' version, what is no report, and to overwrite.
old = write("old.json", 1, [], tern="0.0.1")
expect_line("another version", run(tern, "bench", "compare", a, old), 1, ["old.json", "0.0.1", version])
for what, content in (("no JSON", b"Once upon a time"), ("empty", b""), ("another JSON", b'{"tern":"%s"}' % version.encode()),
                      ("an array", b"[1, 2]"), ("cut short", a.read_bytes()[:-9]),
                      ("more after it", a.read_bytes() + b"more")):
    (work / "bad.json").write_bytes(content)
    expect_line(what, run(tern, "bench", "compare", a, work / "bad.json"), 1, ["bad.json"])
expect_line("no such file", run(tern, "bench", "compare", a, work / "absent.json"), 1, ["absent.json"])
for key, value in (("us", "fast"), ("us", -1), ("k", 1e12), ("k", -64), ("k", 1.5), ("ok", "yes"), ("name", 7), ("series", ["k"])):
    bad = write("bad.json", 20, [op("linear", 1), {**op("bitlinear", 12), key: value}])
    expect_line(f"{key} is {value}", run(tern, "bench", "compare", a, bad), 1, ["bad.json", "result 1"])
for value in (-5, "fast"):
    bad = write("bad.json", value, [op("linear", 1)])
    expect_line(f"reads {value}", run(tern, "bench", "compare", a, bad), 1, ["bad.json", "roofline"])
expect_line("nothing in common", run(tern, "bench", "compare", a, growth), 1, ["one device", "--html"])
painted = write("painted.json", 20, [op("bitlinear", 1)], device={"backend": "cpu", "name": "a\x1b[31mb\u007f\u009b\u00e9", "driver": "1"})
expect("cpu, a?[31mb???\u00e9, driver 1" in run(tern, "bench", "compare", a, painted).stdout.decode(), "nothing steers the terminal")
page = work / "page.html"
page.write_text("precious")
expect_line("the page exists", run(tern, "bench", "compare", a, "--html", page), 1, ["page.html", "--force"])
expect(page.read_text() == "precious", "nothing is overwritten")
expect(run(tern, "bench", "compare", a, "--html", page, "--force").returncode == 0 and page.stat().st_size > 20000,
       "but with --force; one report makes a page")
expect_line("a folder that does not exist", run(tern, "bench", "compare", a, "--html", work / "no" / "page.html"), 1, ["page.html"])
for args, words in (([], ["a report"]), ([a], ["--html"]), ([a, b, "--frob"], ["--frob"]), ([a, b, "--html"], ["--html"]),
                    ([a] * 27, ["27", "26"])):
    expect_line(f"compare {len(args)}", run(tern, "bench", "compare", *args), 2, words)
finish(42)
