// The page, from top to bottom. Sections without results are left out.

const main = document.getElementById("main");
main.replaceChildren();

function section(id, title, note, ...content) {
  const element = html(
    "section", {id}, html("h2", {textContent: title}), html("p", {textContent: note}), ...content);
  main.append(element);
}

const grid = (...items) => html("div", {className: "grid"}, ...items);
const columns = (...items) => html("div", {className: "columns"}, ...items);
const deviceLegend = () => legend(devices.map((d) => [d.label, d.colour]));

function choice(name, options, chosen, change) {
  return html("fieldset", {ariaLabel: name}, ...options.map(([value, text]) => {
    const input = html("input", {type: "radio", name, value, checked: value === chosen});
    input.addEventListener("change", () => change(value));
    return html("label", {}, input, html("span", {textContent: text}));
  }));
}

function card(device) {
  const checked = device.results.filter((r) => "ok" in r);
  const wrong = checked.filter((r) => !r.ok).length;
  const peak = (name, value, unit) => [html("div", {}, html("dt", {textContent: name}),
    html(
      "dd", {}, measured(value) ? digits(value) : "–", html("span", {textContent: ` ${unit}`})))];
  const bits = wrong ? `wrong bits in ${wrong} of ${checked.length} results` :
                       `${checked.length} results with the bits of the reference`;
  return html("div", {className: "card"}, html("h3", {}, dot(device.colour), device.label),
    html("small", {textContent: `${device.driver} · ${device.date}`}),
    html("dl", {}, ...peak("memory", device.roofline.read_gb_s, "GB/s"),
      ...peak("int8", device.roofline.int8_gmac_s, "G/s"),
      ...peak("f32", device.roofline.f32_gmac_s, "G/s")),
    html("small", {className: wrong ? "bad" : "good", textContent: checked.length ? bits : ""}));
}

function devicesSection() {
  document.getElementById("summary").textContent =
    `${devices.length} device${devices.length === 1 ? "" : "s"}, tern ${reports[0].tern}`;
  section("devices", "Devices",
    "What each can do at most, measured with its own backend. G/s are thousands of millions of " +
      "multiply-adds a second.",
    html("div", {className: "grid cards"}, ...devices.map(card)));
}

const hasRoof = (d) => d.roofline.read_gb_s > 0 &&
  (d.roofline.int8_gmac_s > 0 || d.roofline.f32_gmac_s > 0) && d.results.some(isPlotted);

function rooflineSection() {
  const drawn = devices.filter(hasRoof);
  if (drawn.length) {
    section("roofline", "Rooflines",
      "Every op that multiplies by a matrix. On the line is as fast as the device allows: the " +
        "slope is its memory, the level its arithmetic.",
      grid(...drawn.map(roofline)));
  }
}

function opsSection() {
  const ops = devices.flatMap((d) => d.results.filter((r) => isOp(r) && !r.series));
  const rows = unique(ops.map((r) => r.rows || 1)).sort((a, b) => a - b);
  if (!ops.length) return;
  view.rows = rows[0];
  view.metric = Object.keys(metrics).find((key) =>
    devices.every((d) => d.results.some((r) => measured(metrics[key].of(r))))) || "us";
  const set = (key) => (value) => {
    view[key] = key === "rows" ? Number(value) : value;
    repaint();
  };
  section("ops", "Ops", "At the shapes that models have.",
    html("div", {className: "controls"},
      choice("Measure", Object.entries(metrics).map(([key, m]) => [key, m.name]), view.metric,
        set("metric")),
      choice("Rows", rows.map((r) => [String(r), `${r} row${r === 1 ? "" : "s"}`]),
        String(view.rows), set("rows"))),
    deviceLegend(), columns(...unique(ops.map((r) => r.name)).map(opBars)));
}

const named = (...names) => (r) => names.includes(r.name) && !isOp(r) && !r.series;
const has = (pick) => devices.some((d) => d.results.some(pick));

const rates = {of: (r) => r.tok_s, text: (v) => withUnit(v, "tok/s")};

// Tokens a second against |of|, or bars where there is one point a device.
function speeds(title, note, pick, of, x, label) {
  const series = seriesOf(pick, of, rates.of);
  if (!series.length) return [];
  return series.some((s) => s.points.length > 1) ?
    [curves(title, note, series, x, {label: "tok/s"})] :
    [fixedBars(title, note, pick, label, rates)];
}

function modelFigures(model) {
  const of = (...names) => (r) => named(...names)(r) && (r.model ?? "") === model;
  const memory = (title, value) => fixedBars(title, `${model}: most at any time`, of("memory"),
    () => "memory", {of: value, text: mebibytes});
  const items = [
    ...speeds("Decode", `${model}: tokens a second against positions before`, of("decode"),
      (r) => r.context || 0, {low: 0, label: "context"}, (r) => `at ${r.context || 0}`),
    ...speeds("Prefill", `${model}: tokens a second against the prompt's length`, of("prefill"),
      (r) => r.rows || 1, {log: true, label: "tokens"}, (r) => `${r.rows} tokens`),
    ...speeds("Sessions at once", `${model}: tokens a second of all together`, of("batch"),
      (r) => r.rows || 1, {log: true, label: "sessions"}, (r) => `${r.rows} sessions`)
  ];
  if (has(of("first_token", "load"))) {
    items.push(fixedBars("Start", `${model}: time to load, and to the first token`,
      of("first_token", "load"), (r) => r.name.replace("_", " "), metrics.us));
  }
  if (has(of("memory"))) {
    items.push(memory("Host memory", (r) => r.host_bytes),
      memory("Device memory", (r) => r.device_bytes));
  }
  return items;
}

function modelsSection() {
  const about = named("decode", "prefill", "batch", "first_token", "load", "memory");
  const models = unique(devices.flatMap((d) => d.results.filter(about).map((r) => r.model ?? "")));
  if (models.length) {
    section("models", "Models", "Whole networks.", deviceLegend(),
      columns(...models.flatMap(modelFigures)));
  }
}

const seriesNames = {
  rows: "rows",
  k: "K, the inputs",
  n: "N, the outputs",
  context: "positions in the cache",
  threads: "threads"
};
const seriesValue = {
  rows: (r) => r.rows,
  k: (r) => r.k,
  n: (r) => r.n,
  context: (r) => (r.context || 0) + 1,
  threads: (r) => r.threads
};

// Points of one curve differ in what the series names and in nothing else.
const curveKey = (r) => keyOf({...r, [r.series]: 0});

function growthSection() {
  const points = devices.flatMap((d) => d.results.filter((r) => r.series && seriesValue[r.series]));
  const items = unique(points.map(curveKey)).map((key) => {
    const sample = points.find((r) => curveKey(r) === key);
    const series =
      seriesOf((r) => r.series && curveKey(r) === key, seriesValue[sample.series], (r) => r.us);
    const fixed = describe({...sample, [sample.series]: 0}, sample.series);
    return curves(`Time against ${seriesNames[sample.series]}`, fixed, series,
      {log: true, label: sample.series}, {log: true, label: "time", text: shortDuration});
  });
  if (items.length) {
    section("growth", "Growth", "How time grows with each size; both axes are logarithmic.",
      deviceLegend(), grid(...items));
  }
}

function otherSection() {
  const items = [];
  if (has(named("submit", "launch"))) {
    items.push(fixedBars("Latency", "a submit there and back; an op of a list",
      named("submit", "launch"), (r) => r.name, metrics.us));
  }
  if (has(named("upload", "download"))) {
    items.push(fixedBars("Copies", "between host and device", named("upload", "download"),
      (r) => r.name, metrics.gb_s));
  }
  if (items.length) {
    section(
      "latency", "Latency and copies", "Through the public API.", deviceLegend(), grid(...items));
  }
}

devicesSection();
rooflineSection();
opsSection();
modelsSection();
growthSection();
otherSection();
if (devices.length > 1) {
  section("ratios", "Ratios",
    `Against ${devices[0].label}: ×2 is twice as fast, or half the memory.`, ...ratioTable());
}
section("results", "All results", "A click on a head sorts.", ...resultTable());
repaint();
