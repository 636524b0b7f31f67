// What was measured, and how it is written.
"use strict";

// Whatever goes wrong is said on the page.
window.addEventListener("error", (event) => {
  const line = document.createElement("p");
  line.id = "failure";
  line.textContent = "This page could not be drawn: " + event.message;
  document.body.prepend(line);
});

const reports = JSON.parse(document.getElementById("data").textContent);

const devices = reports.map((report, index) => ({
  index,
  backend: report.device.backend,
  name: report.device.name,
  driver: report.device.driver,
  date: report.date,
  roofline: report.roofline,
  results: report.results,
  colour: `var(--s${index % 8})`,
  label: `${report.device.backend}: ${report.device.name}`,
}));

// Runs on one device are told apart by their dates.
const labels = devices.map((device) => device.label);
for (const device of devices) {
  if (labels.filter((label) => label === labels[device.index]).length > 1) {
    device.label += ` (${device.driver}, ${device.date})`;
  }
}

const measured = (value) => typeof value === "number" && Number.isFinite(value);

// Three digits that count.
function digits(value) {
  if (!measured(value)) return "";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size === 0) return "0";
  return size < 0.01 ? value.toPrecision(2) : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

const withUnit = (value, unit) => (measured(value) ? `${digits(value)}\u202f${unit}` : "");

function duration(us) {
  if (!measured(us)) return "";
  if (us >= 1e6) return withUnit(us / 1e6, "s");
  if (us >= 1e3) return withUnit(us / 1e3, "ms");
  return us >= 1 || us === 0 ? withUnit(us, "µs") : withUnit(us * 1e3, "ns");
}

// For axes, whose numbers are round.
function shortDuration(us) {
  const [unit, size] = us >= 1e6 ? ["s", 1e6] : us >= 1e3 ? ["ms", 1e3] : ["µs", 1];
  return `${+ (us / size).toPrecision(3)}\u202f${unit}`;
}

const percent = (value) => (measured(value) ? withUnit(value * 100, "%") : "");
const mebibytes = (value) => (measured(value) ? withUnit(value / 1048576, "MiB") : "");

// The ways to look at an op.
const metrics = {
  share: {name: "Share of roofline", of: (r) => r.share, text: percent, more: true},
  gb_s: {name: "GB/s", of: (r) => r.gb_s, text: (v) => withUnit(v, "GB/s"), more: true},
  gmac_s:
    {name: "G multiply-adds/s", of: (r) => r.gmac_s, text: (v) => withUnit(v, "G/s"), more: true},
  us: {name: "Time", of: (r) => r.us, text: duration, more: false},
};

const isOp = (r) => "k" in r;

function shapeOf(r) {
  if (!r.k) return "";
  return r.n ? `${r.k}\u202f×\u202f${r.n}` : `${r.k}`;
}

// What identifies a result in every report.
const keyOf = (r) => [r.name, r.type, r.model, r.series, r.k, r.n, r.rows, r.context, r.window,
  r.threads]
                       .map((v) => v || "")
                       .join("|");

// |varied|: of a curve, the size that is left open.
function describe(r, varied) {
  const shape = varied === "k" ? `N ${r.n}` : varied === "n" ? `K ${r.k}` : shapeOf(r);
  const parts = [r.name.replace("_", " "), r.type, shape];
  if (r.rows) parts.push(`${r.rows} row${r.rows === 1 ? "" : "s"}`);
  if (r.context) parts.push(`at ${r.context}`);
  if (r.window) parts.push(`window ${r.window}`);
  if (r.threads) parts.push(`${r.threads} thread${r.threads === 1 ? "" : "s"}`);
  return parts.filter(Boolean).join(" · ");
}

function tipOf(device, r) {
  const lines = [device.label, describe(r)];
  const numbers = [
    duration(r.us) + (measured(r.us_spread) ? ` (spread ${duration(r.us_spread)})` : ""),
    withUnit(r.tok_s, "tok/s"), withUnit(r.gb_s, "GB/s"), withUnit(r.gmac_s, "G multiply-adds/s"),
    measured(r.share) ? `${percent(r.share)} of the roofline` : ""
  ];
  lines.push(numbers.filter(Boolean).join(", "));
  if (r.kernel) lines.push(r.kernel);
  if (r.ok === false) lines.push("not the bits of the reference");
  return lines.filter(Boolean).join("\n");
}

const unique = (list) => [...new Set(list)];
