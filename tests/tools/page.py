#!/usr/bin/env python3
"""page.py TERN: the page of `tern bench compare --html` in a real browser, in light and dark: what it draws, that nothing fails,
that its tables sort and its buttons work, and that a screenshot shows it."""
import collections
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import bench_reports
import png
from support import expect, finish, run

tern = sys.argv[1]
browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not browser:
    print("skipped: no chromium")
    sys.exit(77)
version = run(tern, "--version").stdout.decode().split()[1]
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)

# A name that would end a script, and a wrong bit.
reports = [bench_reports.report(name, version) for name in bench_reports.MACHINES]
reports[1]["device"]["driver"] = "</script><img src=x onerror=alert(1)>"
reports[1]["results"][10]["ok"] = False
files = [work / f"{i}.json" for i in range(3)]
for file, report in zip(files, reports):
    file.write_text(json.dumps(report))

# What the page says of itself once it is drawn, after some clicks.
PROBE = """<script>
const all = (selector, root) => [...(root || document).querySelectorAll(selector)];
const column = (index) => all("#results tbody tr").map((row) => row.cells[index].textContent);
const state = () => all("#ops rect").map((bar) => Math.round(bar.getAttribute("width"))).join();
const probe = {
  failure: document.getElementById("failure")?.textContent,
  images: all("img").length,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  sections: all("section").map((each) => each.id),
  charts: all("figure").map((each) => each.dataset.chart),
  points: all("figure[data-chart=roofline]").map((each) => all("circle", each).length),
  wrong: all("circle.bad").length,
  outside: all("figure circle").filter((each) => !(each.cx.baseVal.value >= 0 && each.cy.baseVal.value >= 0)).length,
  curves: all("#growth .curve").length,
  labels: all("#devices h3").map((each) => each.textContent),
  small: all("#devices small").map((each) => each.textContent),
  rows: column(0).length,
  heads: all("#results th").map((each) => each.textContent),
  overflow: document.documentElement.scrollWidth - window.innerWidth,
};
const head = all("#results th button").find((each) => each.textContent === "K");
const k = probe.heads.indexOf("K");
head.click();
probe.up = column(k);
head.click();
probe.down = column(k);
probe.sort = head.parentElement.getAttribute("aria-sort");
const search = all("#results input")[0];
search.value = "linear F16";
search.dispatchEvent(new Event("input"));
probe.filtered = column(1);
probe.before = state();
all("#ops input[value=us]")[0].click();
probe.after = state();
all("#ops input[value='8']")[0].click();
probe.eight = all("#ops figure:first-child rect").length;
const circle = all("circle[data-tip]")[0];
circle.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 9, clientY: 9 }));
probe.tip = document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent;
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(probe);
document.body.append(out);
</script></body>"""


def chromium(scheme, *args, size="1280,2400"):
    flags = ["--headless", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb", "--virtual-time-budget=4000",
             "--enable-logging=stderr", f"--user-data-dir={work}/profile", f"--window-size={size}",
             f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    done = subprocess.run([browser, *flags, *sandbox, *args], capture_output=True, text=True, timeout=120)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    expect(not console, f"{scheme}: nothing on the console: {console}")
    return done.stdout


def numbers(texts):
    return [int(text) for text in texts if text]


def check_dom(scheme, page):
    drawn = [r for report in reports for r in report["results"]]
    plotted = [sum(1 for r in report["results"] if r.get("n") and "series" not in r and r["gmac_s"]) for report in reports]
    found = re.search(r'<pre id="probe">(.*?)</pre>', chromium(scheme, "--dump-dom", page.as_uri()), re.S)
    expect(found, f"{scheme}: the page ran to its end")
    if not found:
        return
    probe = json.loads(html.unescape(found.group(1)))
    count = collections.Counter(probe["charts"])
    expect(probe.get("failure") is None and probe["images"] == 0, f"{scheme}: no script failed, no text became an element: {probe}")
    expect(probe["dark"] == (scheme == "dark"), f"{scheme}: the scheme is in force")
    expect(probe["sections"] == ["devices", "roofline", "ops", "models", "growth", "latency", "ratios", "results"],
           f"{scheme}: sections {probe['sections']}")
    expect(count["roofline"] == 3 and count["bars"] == 3 + 4 + 2 and count["curves"] == 2 + 4, f"{scheme}: charts {count}")
    expect(probe["points"] == plotted, f"{scheme}: points of rooflines {probe['points']}, not {plotted}")
    expect(probe["wrong"] == 1 and probe["outside"] == 0, f"{scheme}: one point is wrong, none off the chart")
    expect(probe["curves"] == 3 * 3 + 1, f"{scheme}: curves {probe['curves']}")
    expect(probe["labels"][1] == "vulkan: Imaginary GPU 4090", f"{scheme}: devices {probe['labels']}")
    expect(any("</script><img" in text for text in probe["small"]), f"{scheme}: the driver's name is only text")
    expect(any("wrong bits in 1 of" in text for text in probe["small"]), f"{scheme}: wrong bits are told")
    expect(probe["rows"] == len(drawn), f"{scheme}: {probe['rows']} rows, not {len(drawn)}")
    up, down = numbers(probe["up"]), numbers(probe["down"])
    expect(up == sorted(up) and down == sorted(down, reverse=True) and len(set(up)) > 4, f"{scheme}: the table sorts by numbers")
    expect(probe["sort"] == "descending", f"{scheme}: and says how")
    expect(probe["filtered"] == ["linear"] * 6, f"{scheme}: the filter takes words: {probe['filtered']}")
    expect(probe["before"] != probe["after"] and probe["eight"] == 3 * 12, f"{scheme}: buttons change the bars: {probe['eight']}")
    expect(probe["tip"].count("\n") >= 2, f"{scheme}: a point says what it is: {probe['tip']!r}")
    expect(probe["overflow"] <= 0, f"{scheme}: nothing passes the window's width")


def check_picture(scheme, page):
    picture = work / f"{scheme}.png"
    chromium(scheme, f"--screenshot={picture}", page.as_uri())
    if not picture.exists():
        expect(False, f"{scheme}: a screenshot")
        return
    width, height, rows = png.read(picture)
    colours = collections.Counter(pixel for row in rows for pixel in row)
    expect((width, height) == (1280, 2400), f"{scheme}: {width} x {height}")
    paper = colours.most_common(1)[0][0]
    expect(max(paper) < 60 if scheme == "dark" else min(paper) > 230, f"{scheme}: the paper is {paper}")
    text = (0xe8, 0xea, 0xee) if scheme == "dark" else (0x1c, 0x1e, 0x22)
    bars = [(0x6e, 0xa0, 0xff), (0xf5, 0x9e, 0x4c), (0x41, 0xc7, 0x9b)] if scheme == "dark" else \
        [(0x2f, 0x6b, 0xdc), (0xd9, 0x73, 0x0d), (0x0f, 0x8f, 0x67)]
    expect(colours[text] > 1000, f"{scheme}: {colours[text]} pixels of text")
    expect(all(colours[bar] > 4000 for bar in bars), f"{scheme}: bars of {[colours[bar] for bar in bars]} pixels")


page = work / "page.html"
done = run(tern, "bench", "compare", *files, "--html", page)
expect(done.returncode == 0, "the page is written", done)
source = page.read_text()
expect(not re.search(r"(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|import\(",
                     source.replace("src=x", "", 1)), "the page loads nothing")
expect(set(re.findall(r"https?://[^\"'\s]*", source)) == {"http://www.w3.org/2000/svg"}, "and names no address but SVG's")
probed = work / "probed.html"
probed.write_text(source.replace("</body>", PROBE))
for scheme in ("light", "dark"):
    check_dom(scheme, probed)
    check_picture(scheme, page)
# On a telephone nothing sticks out.
narrow = re.search(r'<pre id="probe">(.*?)</pre>', chromium("light", "--dump-dom", probed.as_uri(), size="500,900"), re.S)
expect(narrow and json.loads(html.unescape(narrow.group(1)))["overflow"] <= 0, "nothing passes a narrow window's width")
alone = work / "alone.html"
one = work / "one.json"
little = bench_reports.report("cpu", version, parts=(bench_reports.others,))
unknown = bench_reports.report("cpu", version, roofline={"read_gb_s": None, "int8_gmac_s": None, "f32_gmac_s": None})
for r in unknown["results"]:
    r.update(share=None)
for what, report, there, absent in (("little", little, ["latency"], ["ratios", "roofline", "ops", "growth"]),
                                    ("nothing", {**little, "results": []}, ["devices"], ["latency", "ops"]),
                                    ("no roofline", unknown, ["ops", "growth"], ["roofline"])):
    one.write_text(json.dumps(report))
    expect(run(tern, "bench", "compare", one, "--html", alone, "--force").returncode == 0, f"{what}: a page")
    dom = chromium("light", "--dump-dom", alone.as_uri())
    ids = re.findall(r'<section id="(\w+)"', dom)
    expect('id="failure"' not in dom and set(there) <= set(ids) and not set(absent) & set(ids), f"{what}: sections {ids}")
    expect("<p>Nothing measured so." not in dom, f"{what}: ops are shown by what was measured")
# Two runs on one device have their dates, both of them.
twin = work / "twin.json"
dates = ["2026-11-21T09:30:00Z", "2026-11-22T09:30:00Z"]
for file, date in zip((one, twin), dates):
    file.write_text(json.dumps(bench_reports.report("cpu", version, date=date)))
expect(run(tern, "bench", "compare", one, twin, "--html", alone, "--force").returncode == 0, "twins: a page")
titles = re.findall(r"<h3[^>]*>(.*?)</h3>", chromium("light", "--dump-dom", alone.as_uri()))
expect(all(any(f", {date})" in title for title in titles) for date in dates), f"twins: both are told apart: {titles}")
finish(48)
