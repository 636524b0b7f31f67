// The roofline of a device, bars by op and device, curves.

const opColours = (names) => new Map(names.map((name, i) => [name, `var(--s${i % 8})`]));

function roofExtent(roof, points) {
  const peaks = [roof.int8_gmac_s, roof.f32_gmac_s].filter(measured);
  const ridges = peaks.map((peak) => peak / roof.read_gb_s);
  const xs = [...points.map((p) => p.x), ...ridges];
  const ys = [...points.map((p) => p.y), ...peaks];
  return {
    low: Math.min(...xs) / 1.6,
    high: Math.max(...xs) * 8,
    floor: Math.min(...ys) / 2,
    top: Math.max(...ys) * 2
  };
}

// The lines and their names, where points are least likely.
function drawRoof(frame, roof, x, y) {
  const {root, sx, sy} = frame;
  const peaks =
    [["int8", roof.int8_gmac_s], ["f32", roof.f32_gmac_s]].filter(([, v]) => measured(v));
  const most = Math.max(...peaks.map(([, v]) => v));
  const start = Math.max(x.low, y.low / roof.read_gb_s);
  const ridge = most / roof.read_gb_s;
  root.append(svg("path",
    {class: "roof", d: `M${sx(start)} ${sy(start * roof.read_gb_s)}L${sx(ridge)} ${sy(most)}`}));
  for (const [name, peak] of peaks) {
    const from = sx(peak / roof.read_gb_s);
    root.append(svg("path", {class: "roof", d: `M${from} ${sy(peak)}H${sx(x.high)}`}));
    root.append(
      svg("text", {class: "strong halo", x: sx(x.high) - 4, y: sy(peak) - 6, "text-anchor": "end"},
        `${name} ${withUnit(peak, "G/s")}`));
  }
  const rise = sy(most) - sy(start * roof.read_gb_s);
  const angle = (Math.atan2(rise, sx(ridge) - sx(start)) * 180) / Math.PI;
  const place = `translate(${sx(start)} ${sy(start * roof.read_gb_s)})`;
  root.append(
    svg("text", {class: "strong halo", transform: `${place} rotate(${angle}) translate(18 -8)`},
      `memory ${withUnit(roof.read_gb_s, "GB/s")}`));
}

// What multiplies by a matrix; ops by rows would crowd together where memory is the limit.
const isPlotted = (r) => isOp(r) && r.n > 0 && !r.series && r.gmac_s > 0 && r.gb_s > 0;

// Multiply-adds a second against multiply-adds a byte.
function roofline(device) {
  const points =
    device.results.filter(isPlotted).map((r) => ({r, x: r.gmac_s / r.gb_s, y: r.gmac_s}));
  const colours = opColours(unique(points.map((p) => p.r.name)));
  return figure(
    "roofline", device.label, `${device.driver} · ${points.length} results`, (width) => {
      const extent = roofExtent(device.roofline, points);
      const x =
        {log: true, low: extent.low, high: extent.high, label: "multiply-adds per byte of memory"};
      const y = {log: true, low: extent.floor, high: extent.top, label: "G multiply-adds/s"};
      const frame = plot(width, Math.max(300, Math.min(400, width * 0.62)), x, y);
      drawRoof(frame, device.roofline, x, y);
      for (const p of points) {
        frame.root.append(svg("circle", {
          class: p.r.ok === false ? "point bad" : "point",
          r: 4.5,
          cx: frame.sx(p.x),
          cy: frame.sy(p.y),
          fill: colours.get(p.r.name),
          "data-tip": tipOf(device, p.r)
        }));
      }
      return [
        frame.root, legend([...colours].map(([name, colour]) => [name.replace("_", " "), colour]))
      ];
    });
}

// |groups|: [{ label, bars: [{ value, text, colour, tip, bad }] }]
function drawBars(width, groups) {
  const left = Math.min(210, width * 0.34), right = 86, thick = 15, gap = 10;
  const most = Math.max(...groups.flatMap((g) => g.bars.map((b) => b.value)), 0);
  const height = groups.reduce((sum, g) => sum + g.bars.length * thick + gap, 4);
  const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, height});
  const scale = linear(0, most, 0, width - left - right);
  let y = 4;
  for (const group of groups) {
    const middle = y + (group.bars.length * thick) / 2 + 4;
    root.append(
      svg("text", {class: "strong", x: left - 9, y: middle, "text-anchor": "end"}, group.label));
    for (const bar of group.bars) {
      const length = Math.max(scale(bar.value), 1.5);
      root.append(svg("rect", {
        x: left,
        y: y + 1,
        width: length,
        height: thick - 2,
        rx: 2.5,
        fill: bar.colour,
        "data-tip": bar.tip
      }));
      root.append(svg("text", {x: left + length + 6, y: y + thick / 2 + 4},
        bar.text + (bar.bad ? "  wrong bits" : "")));
      y += thick;
    }
    y += gap;
  }
  root.append(svg("line", {class: "axis", x1: left, x2: left, y1: 0, y2: height - gap + 4}));
  return [root];
}

// One group for each case that |pick| takes, a bar for each device that has it.
function groupsOf(pick, label, metric) {
  const cases = new Map();
  for (const device of devices) {
    for (const r of device.results.filter((each) => pick(each) && measured(metric.of(each)))) {
      const key = keyOf(r);
      if (!cases.has(key)) cases.set(key, {label: label(r), bars: []});
      const value = metric.of(r);
      cases.get(key).bars.push({
        value,
        text: metric.text(value),
        colour: device.colour,
        tip: tipOf(device, r),
        bad: r.ok === false
      });
    }
  }
  return [...cases.values()];
}

const view = {
  metric: "share",
  rows: 0
};

function opBars(name) {
  const pick = (r) =>
    r.name === name && isOp(r) && !r.series && (!view.rows || (r.rows || 1) === view.rows);
  const label = (r) => {
    const rows = view.rows || !r.rows ? "" : ` ×${r.rows}`;
    const at = r.context ? `at ${r.context}` : "";
    const window = r.window ? `window ${r.window}` : "";
    return [shapeOf(r) + rows, r.type, at, window].filter(Boolean).join(" ");
  };
  return figure("bars", name.replace("_", " "), "", (width) => {
    const groups = groupsOf(pick, label, metrics[view.metric]);
    return groups.length ? drawBars(width, groups) :
                           [html("p", {textContent: "Nothing measured so."})];
  });
}

const fixedBars = (title, note, pick, label, metric) =>
  figure("bars", title, note, (width) => drawBars(width, groupsOf(pick, label, metric)));

// Rates of devices that are far apart need a logarithmic axis, others begin at 0.
function spreadAxis(axis, values) {
  const low = Math.min(...values), high = Math.max(...values);
  axis.log = axis.log ?? (axis.low === undefined && high > 15 * low);
  axis.low = axis.low ?? (axis.log ? low / 1.25 : 0);
  axis.high = high * (axis.log ? 1.25 : 1.08);
}

// |series|: [{ label, colour, points: [{ x, y, tip }] }]
function curves(title, note, series, x, y) {
  const all = series.flatMap((s) => s.points);
  const places = unique(all.map((p) => p.x)).sort((a, b) => a - b);
  spreadAxis(x, places);
  spreadAxis(y, all.map((p) => p.y));
  if (x.log && places.length <= 8) Object.assign(x, {ticks: places, text: String});
  return figure("curves", title, note, (width) => {
    const frame = plot(width, 280, x, y);
    for (const s of series) {
      const path =
        s.points.map((p, i) => `${i ? "L" : "M"}${frame.sx(p.x)} ${frame.sy(p.y)}`).join("");
      frame.root.append(svg("path", {class: "curve", d: path, stroke: s.colour}));
      for (const p of s.points) {
        frame.root.append(svg("circle", {
          class: "point",
          r: 4,
          cx: frame.sx(p.x),
          cy: frame.sy(p.y),
          fill: s.colour,
          "data-tip": p.tip
        }));
      }
    }
    return [frame.root];
  });
}

// One curve a device of the results that |pick| takes.
function seriesOf(pick, xOf, yOf) {
  return devices
    .map((device) => ({
      label: device.label,
      colour: device.colour,
      points: device.results.filter((r) => pick(r) && measured(yOf(r)))
                .map((r) => ({x: xOf(r), y: yOf(r), tip: tipOf(device, r)}))
                .sort((a, b) => a.x - b.x),
    }))
    .filter((s) => s.points.length);
}
