// The figures of a count beside its table, and what counted.

import { count, el, section } from "./elements.js";

/** Cells of a class as they hold: a person's count where there is one, else the software's. */
export function cellsOf(result, label) {
  return result.ndc[label]?.count ?? result.counts[label] ?? 0;
}

/** How far the report may be relied upon, who says so, what they changed and added. */
export function standing(result) {
  const changed = Object.entries(result.changed_by_a_person ?? {}).map(([label, both]) => `${label}: ${both.person} by a person, ${both.software} by the software`);
  const lines = [...changed, ...(result.remarks ?? [])].map((line) => el("li", {}, line));
  const tone = ["final", "corrected", "amended"].includes(result.status) ? "" : " warn";
  return section("Report", { class: `notice standing${tone} wide` }, el("p", {}, `Version ${result.version ?? 1}. ${result.standing ?? "Preliminary."}`), lines.length ? el("ul", {}, lines) : null);
}

export function figures(result) {
  const pairs = [
    ["Cells in the differential", count(result.ndc_total)],
    ["M:E ratio (ICSH 2008)", ratio(result.me_ratio)],
    ["BMME ratio (Tayebi 2022)", ratio(result.bmme)],
    ["Tiles counted", `${count(result.tiles_counted)} of ${count(result.tiles_looked_at)}`],
  ];
  const terms = pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
  return section("Figures", { class: "figures" }, el("dl", {}, terms), el("p", { class: "said" }, result.message));
}

function ratio(value) {
  return value === null ? "undefined" : `${value.toFixed(2)} : 1`;
}

export function models(result) {
  const lines = result.models.map((model) => el("li", {}, el("strong", {}, `${model.name} ${model.version}`), ` (${model.task}), probability from ${model.threshold}. ${model.training_data} `, el("code", {}, model.sha256.slice(0, 12))));
  return section("Models", { class: "models" }, el("ul", {}, lines), el("p", {}, `marrowcount ${result.marrowcount_version}. ${result.research_use_only}`));
}
