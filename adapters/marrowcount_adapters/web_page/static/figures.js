// The figures of a count beside its table, and what counted.

import { count, el, section } from "./elements.js";

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
