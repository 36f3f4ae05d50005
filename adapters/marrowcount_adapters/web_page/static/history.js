// Where results went, and what happened to the slide.

import { el, moment, section } from "./elements.js";
import { deliveryTone } from "./states.js";

export function deliveries(slide) {
  if (slide.deliveries.length === 0) return el("p", { class: "hint" }, "Nothing is owed to a PACS or health record.");
  const rows = slide.deliveries.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, one.destination, el("small", {}, ` ${one.kind}`)),
      el("td", {}, el("span", { class: `badge ${deliveryTone(one.state)}` }, one.state)),
      el("td", { class: "number", "data-head": "Attempts" }, String(one.attempts)),
      el("td", { class: "said", "data-head": "Last failure" }, one.last_error),
    ),
  );
  return section("Deliveries", { class: "deliveries" }, table(["To", "State", "Attempts", "Last failure"].map((head) => el("th", { scope: "col", class: head === "Attempts" ? "number" : "" }, head)), rows));
}

export function history(slide, open) {
  const rows = slide.events.map((event) => el("tr", {}, el("td", {}, moment(event.at)), el("th", { scope: "row" }, event.kind), el("td", { class: "said" }, event.detail)));
  const whole = el("details", { open }, el("summary", {}, `${rows.length} events`), table(["When", "What", "Detail"].map((head) => el("th", { scope: "col" }, head)), rows));
  return section("History", { class: "history" }, whole);
}

function table(heads, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
}
