// The integrated histogram of cell types, drawn from the figures so that it follows the page's width and colours.

import { count, el, section, svg } from "./elements.js";
import { cellsOf } from "./figures.js";

const ROW = 22;
const BAR = 14;
const GAP = 26;

/** The section, and what ends its watching of the width. */
export function drawChart(result, classes) {
  const place = el("div", { class: "chart" });
  const watching = new ResizeObserver(() => place.replaceChildren(drawn(result, classes, place.clientWidth)));
  watching.observe(place);
  const words = "Bars are objects counted; whiskers are the 95 % intervals of the percentages, on the same scale.";
  return { section: section("Integrated histogram of cell types", { class: "histogram" }, place, el("p", { class: "hint" }, words)), close: () => watching.disconnect() };
}

function drawn(result, classes, width) {
  const bars = classes.map((one) => barOf(one, result));
  const most = Math.max(1, ...bars.map((bar) => bar.high));
  const left = width < 520 ? 158 : 172;
  const scale = Math.max(20, width - left - 86) / most;
  const height = bars.length * ROW + GAP + 4;
  const chart = svg("svg", { role: "img", "aria-label": spoken(bars), width, height, viewBox: `0 0 ${width} ${height}` });
  let top = 2;
  for (const [place, bar] of bars.entries()) {
    if (place > 0 && bars[place - 1].inside !== bar.inside) top += GAP;
    chart.append(...row(bar, { top, left, scale }));
    if (place > 0 && bars[place - 1].inside !== bar.inside) chart.append(svg("text", { x: 0, y: top - 8, class: "part" }, "Outside the differential"));
    top += ROW;
  }
  return chart;
}

function barOf(one, result) {
  const number = cellsOf(result, one.label);
  const part = result.ndc_total ? result.ndc[one.label] : undefined;
  const scale = result.ndc_total / 100;
  const [low, high] = part ? [part.low * scale, part.high * scale] : [number, number];
  return { label: one.label, colour: one.colour, inside: one.in_differential, number, low, high, words: part ? `${count(number)} · ${part.percent.toFixed(1)} %` : count(number) };
}

function row(bar, { top, left, scale }) {
  const middle = top + ROW / 2;
  const marks = [
    svg("text", { x: left - 8, y: middle, class: "label" }, bar.label),
    svg("rect", { x: left, y: middle - BAR / 2, width: bar.number * scale, height: BAR, fill: bar.colour, class: "bar" }),
    svg("text", { x: left + Math.max(bar.high, bar.number) * scale + 8, y: middle, class: "words" }, bar.words),
  ];
  if (bar.high > bar.low) {
    const [from, to] = [left + bar.low * scale, left + bar.high * scale];
    marks.push(svg("path", { d: `M${from} ${middle - 4}v8m0-4H${to}m0-4v8`, class: "whisker" }));
  }
  return marks;
}

function spoken(bars) {
  const found = bars.filter((bar) => bar.number > 0).map((bar) => `${bar.label} ${bar.words.replace(" · ", ", ")}`);
  return `Bar chart. ${found.join("; ")}. The table of classes has the same figures.`;
}
