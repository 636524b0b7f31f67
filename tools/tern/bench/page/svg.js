// Elements, scales and axes.

function html(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function dot(colour) {
  const span = html("span", {className: "dot"});
  span.style.background = colour;
  return span;
}

const legend = (entries) => html("ul", {className: "legend"},
  ...entries.map(([label, colour]) => html("li", {}, dot(colour), label)));

// A figure that is drawn to its width, and again when that or what it shows changes.
const figures = [];

function figure(kind, title, note, draw) {
  const box = html("div", {});
  const element = html("figure", {},
    html("figcaption", {}, html("h3", {textContent: title}), html("small", {textContent: note})),
    box);
  element.dataset.chart = kind;
  let width = 0;
  const paint = () => {
    width = box.clientWidth || 480;
    box.replaceChildren(...draw(width));
  };
  figures.push({paint, resized: () => box.clientWidth !== width && paint()});
  return element;
}

function repaint() {
  for (const each of figures) each.paint();
}

window.addEventListener("resize", () => figures.forEach((each) => each.resized()));

const linear = (low, high, from, to) => (v) => from + ((v - low) / (high - low || 1)) * (to - from);
const logarithmic = (low, high, from, to) => {
  const scale = linear(Math.log(low), Math.log(high), from, to);
  return (v) => scale(Math.log(v));
};

// Round numbers from |low| to |high|, about |wanted| of them.
function linearTicks(low, high, wanted) {
  const raw = (high - low || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) || 10);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) ticks.push(v);
  return ticks;
}

// The densest of the usual divisions of a decade that is not too dense; less than a decade may need
// none of them.
function logTicks(low, high, wanted) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const every = Math.ceil((last - first) / wanted);
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let e = first; e <= last; e += factors.length > 1 ? 1 : every) {
      ticks.push(
        ...factors.map((f) => f * 10 ** e).filter((v) => v >= low * 0.999 && v <= high * 1.001));
    }
    if (ticks.length > 2 && ticks.length <= wanted + 2) return ticks;
  }
  return linearTicks(low, high, wanted);
}

const shortNumber = (v) => v >= 1e6 ? `${+ (v / 1e6).toPrecision(3)}M` :
  v >= 1e4 ? `${+ (v / 1e3).toPrecision(3)}k` :
             `${+ v.toPrecision(3)}`;

// A frame with axes: |x| and |y| are { log, low, high, label, text, ticks }.
function plot(width, height, x, y) {
  const left = 64, right = 14, top = 14, bottom = 40;
  const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, height});
  const make = (axis, from, to) => (axis.log ? logarithmic : linear)(axis.low, axis.high, from, to);
  const sx = make(x, left, width - right), sy = make(y, height - bottom, top);
  const ticksOf = (axis, wanted) =>
    axis.ticks || (axis.log ? logTicks : linearTicks)(axis.low, axis.high, wanted);
  for (const v of ticksOf(y, 6)) {
    root.append(
      svg("line", {class: "grid-line", x1: left, x2: width - right, y1: sy(v), y2: sy(v)}),
      svg("text", {x: left - 7, y: sy(v) + 4, "text-anchor": "end"}, (y.text || shortNumber)(v)));
  }
  for (const v of ticksOf(x, Math.floor(width / 70))) {
    root.append(
      svg("line", {class: "grid-line", x1: sx(v), x2: sx(v), y1: top, y2: height - bottom}),
      svg("text", {x: sx(v), y: height - bottom + 16, "text-anchor": "middle"},
        (x.text || shortNumber)(v)));
  }
  root.append(
    svg("line",
      {class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom}),
    svg("text", {x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle"}, x.label),
    svg("text", {
      transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle"
    },
      y.label));
  return {root, sx, sy};
}

// What lies under the pointer says what it is.
const tip = document.getElementById("tip");

document.addEventListener("pointermove", (event) => {
  const target = event.target.closest("[data-tip]");
  tip.hidden = !target;
  if (target) {
    tip.textContent = target.dataset.tip;
    const over = event.clientX + tip.offsetWidth + 24 > window.innerWidth;
    tip.style.left = `${event.clientX + (over ? -tip.offsetWidth - 14 : 14)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)}px`;
  }
});
