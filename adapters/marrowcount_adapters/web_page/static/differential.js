// The table of the classes: counts and intervals, what is drawn on the slide, and the way to examples.

import { count, el, section, swatch, tell } from "./elements.js";
import { cellsOf } from "./figures.js";

const STEP = 0.05;

export class Differential {
  constructor(result, classes, view) {
    this.view = view;
    this.rows = classes.map((one) => this.#row(one, result));
    const model = result.models.find((each) => each.task === "cells");
    this.slider = this.#slider(Math.floor((model?.threshold ?? 0) / STEP + 1e-6) * STEP);
    view.onReady(() => this.#ready());
    const inside = this.rows.filter((_, place) => classes[place].in_differential);
    const outside = this.rows.filter((_, place) => !classes[place].in_differential);
    this.section = section(
      "Classes",
      { class: "differential" },
      this.slider,
      el("table", {}, caption(), head(), el("tbody", {}, inside), el("tbody", {}, divider("Outside the differential"), outside)),
      el("p", { class: "hint" }, "A class leads to its next example on the slide, the most certain first. Intervals: 95 %, exact binomial, sampling error only."),
    );
  }

  #row(one, result) {
    const number = cellsOf(result, one.label);
    const box = el("input", { type: "checkbox", checked: true, disabled: true, "aria-label": `Draw ${one.label}`, change: () => this.#draw() });
    const button = el("button", { type: "button", class: "class", disabled: true, click: () => this.#fly(one.label) }, swatch(one.colour), one.label);
    const part = result.ndc[one.label];
    const row = el(
      "tr",
      { "data-class": one.label, class: number ? "" : "none", click: (event) => this.#clicked(event, one.label), keydown: (event) => this.#moved(event) },
      el("td", { class: "toggle" }, box),
      el("th", { scope: "row" }, button),
      el("td", { class: "number" }, count(number)),
      el("td", { class: "number" }, part && result.ndc_total ? part.percent.toFixed(1) : "–"),
      el("td", { class: "number interval" }, part && result.ndc_total ? `${part.low.toFixed(1)} – ${part.high.toFixed(1)}` : "–"),
    );
    return row;
  }

  #slider(least) {
    this.said = el("output", { for: "threshold" }, `${Math.round(100 * least)} %`);
    this.drawn = el("p", { class: "drawn" }, "");
    this.range = el("input", { id: "threshold", type: "range", min: least.toFixed(2), max: "0.95", step: String(STEP), value: least.toFixed(2), disabled: true, input: () => this.#draw() });
    const all = el("button", { type: "button", class: "quiet", click: () => this.#all(true) }, "All");
    const none = el("button", { type: "button", class: "quiet", click: () => this.#all(false) }, "None");
    return el("div", { class: "threshold" }, el("label", { for: "threshold" }, "Draw cells from a probability of ", this.said), this.range, el("div", { class: "drawing" }, this.drawn, el("span", { role: "group", "aria-label": "Draw classes" }, all, none)));
  }

  #ready() {
    for (const row of this.rows) {
      const here = this.view.has(row.dataset.class);
      for (const control of row.querySelectorAll("input, button")) control.disabled = !here;
    }
    this.range.disabled = false;
    this.#draw();
  }

  #draw() {
    const from = Number(this.range.value);
    this.said.textContent = `${Math.round(100 * from)} %`;
    const wanted = this.rows.filter((row) => row.querySelector("input").checked).map((row) => row.dataset.class);
    const { drawn, known } = this.view.draw(new Set(wanted), from);
    this.drawn.textContent = `${count(drawn)} of ${count(known)} cells drawn`;
  }

  #all(checked) {
    for (const box of this.section.querySelectorAll("tbody input:enabled")) box.checked = checked;
    this.#draw();
  }

  #clicked(event, label) {
    if (event.target.closest("input, button, .toggle") === null && this.view.has(label)) this.#fly(label);
  }

  /** Up and down go from class to class. */
  #moved(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const kind = event.target.matches("input") ? "input" : "button";
    const controls = [...this.section.querySelectorAll(`tbody ${kind}:enabled`)];
    controls[controls.indexOf(event.target) + step]?.focus();
  }

  #fly(label) {
    const where = this.view.flyToNext(label, Number(this.range.value));
    const words = where ? `${label} ${where.place} of ${where.of}, probability ${where.probability.toFixed(2)}` : `No ${label} is drawn at this probability.`;
    this.view.say(words);
    tell(words);
  }
}

function caption() {
  return el("caption", { class: "unseen" }, "Nucleated differential count and other classes");
}

function head() {
  const heads = [["Draw", "toggle"], ["Class", ""], ["Cells", "number"], ["%", "number"], ["95 % interval", "number"]];
  return el("thead", {}, el("tr", {}, heads.map(([words, kind]) => el("th", { scope: "col", class: kind }, words))));
}

function divider(words) {
  return el("tr", { class: "divider" }, el("th", { colspan: "5", scope: "rowgroup" }, words));
}
