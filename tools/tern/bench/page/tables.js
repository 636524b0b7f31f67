// Tables that sort by a click on a column's head, and that a word filters.

// A cell is text, or { text, value, className }; numbers sort by |value|.
const cellOf = (cell) => (typeof cell === "object" ? cell : {text: cell ?? "", value: undefined});

function compareCells(a, b) {
  const x = cellOf(a), y = cellOf(b);
  if (x.value === undefined && y.value === undefined)
    return String(x.text).localeCompare(String(y.text));
  if (!measured(x.value) || !measured(y.value))
    return measured(y.value) - measured(x.value);  // absent ones last
  return x.value - y.value;
}

function fill(body, rows) {
  body.replaceChildren(...rows.map((row) => html("tr", {}, ...row.map((cell) => {
    const {text, value, className} = cellOf(cell);
    const names = [className, value === undefined ? "" : "number"].filter(Boolean).join(" ");
    return html("td", {className: names}, text);
  }))));
}

// |columns|: names; |rows|: cells.
function table(columns, rows, isNumber) {
  const body = html("tbody", {});
  const search =
    html("input", {type: "search", placeholder: "Filter: bitlinear 6912", ariaLabel: "Filter"});
  const heads = columns.map(
    (name) => html("th", {scope: "col"}, html("button", {type: "button", textContent: name})));
  let order = rows;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) => row.map((cell) => cellOf(cell).text).join(" ").toLowerCase();
    fill(body, order.filter((row) => words.every((word) => text(row).includes(word))));
  };
  heads.forEach((head, column) => {
    head.classList.toggle("number", isNumber[column]);
    head.firstChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      order = [...rows].sort((a, b) => compareCells(a[column], b[column]) * (down ? -1 : 1));
      show();
    });
  });
  search.addEventListener("input", show);
  show();
  return [
    html("div", {className: "controls"}, search),
    html("div", {className: "scroll"},
      html("table", {}, html("thead", {}, html("tr", {}, ...heads)), body))
  ];
}

const number = (value, text) => ({value: measured(value) ? value : null, text: text(value)});

function resultTable() {
  const columns = [
    "Device", "What", "Type", "Model", "K", "N", "Rows", "Context", "Window", "Threads", "Time",
    "Spread", "GB/s", "G mul-adds/s", "tok/s", "Share", "Bits", "Kernel"
  ];
  const isNumber = columns.map((_, i) => i >= 4 && i <= 15);
  const count = (value) => number(value, (v) => (measured(v) ? String(v) : ""));
  const rows = devices.flatMap(
    (device) => device.results.map(
      (r) => [device.label, r.name, r.type ?? "", r.model ?? "", count(r.k), count(r.n),
        count(r.rows),
        count(r.context), count(r.window), count(r.threads), number(r.us, duration),
        number(r.us_spread, duration),
        number(r.gb_s, digits), number(r.gmac_s, digits), number(r.tok_s, digits),
        number(r.share, percent), {
          text: r.ok === undefined ? "" :
            r.ok                   ? "ok" :
                                     "wrong",
          className: r.ok === false ? "bad" : ""
        },
        r.kernel ?? ""]));
  return table(columns, rows, isNumber);
}

// How many times as fast as the first device, or as little memory.
function gain(first, other) {
  if (measured(first.tok_s) && measured(other.tok_s)) return other.tok_s / first.tok_s;
  if (measured(first.us) && measured(other.us)) return first.us / other.us;
  return first.host_bytes / other.host_bytes;
}

const mainNumber = (r) => measured(r.tok_s) ? withUnit(r.tok_s, "tok/s") :
  measured(r.us)                            ? duration(r.us) :
                                              mebibytes(r.host_bytes);

function gainCell(first, other) {
  if (!other) return {text: "", value: null};
  const ratio = gain(first, other);
  const className = ratio > 1.05 ? "good" : ratio < 0.95 ? "bad" : "";
  return {
    text: measured(ratio) ? `${mainNumber(other)}  ×${digits(ratio)}` : mainNumber(other),
    value: ratio,
    className
  };
}

function ratioTable() {
  const [first, ...others] = devices;
  const found = others.map((device) => new Map(device.results.map((r) => [keyOf(r), r])));
  const columns = ["What", "Type", "Model", "Shape", "Rows", "Context", "Window", "Threads",
    ...devices.map((d) => d.label)];
  const count = (value) => ({value: value ?? null, text: value ? String(value) : ""});
  const rows = first.results.filter((r) => found.some((map) => map.has(keyOf(r))))
                 .map((r) => [r.name, r.type ?? "", r.model ?? "", shapeOf(r), count(r.rows),
                        count(r.context), count(r.window), count(r.threads),
                        {text: mainNumber(r), value: r.tok_s ?? r.us ?? r.host_bytes ?? null},
                        ...found.map((map) => gainCell(r, map.get(keyOf(r))))]);
  return table(columns, rows, columns.map((_, i) => i >= 4));
}
