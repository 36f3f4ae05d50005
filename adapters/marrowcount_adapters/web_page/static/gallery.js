// The most and the least certain cells of each class, cut from the strips that the result has.

import { ask, askJson } from "./asking.js";
import { el, section, swatch } from "./elements.js";

/** The section, filled when its pictures are there; null where the result has no gallery. */
export function gallery(slide, about, view) {
  if (!slide.files.some((file) => file.name === "gallery.json")) return null;
  const place = el("div", { class: "strips" }, el("p", { class: "waiting" }, "Loading the cells …"));
  filled(place, slide, about, view).catch((error) => place.replaceChildren(el("p", { class: "bad" }, error.message)));
  return section("Gallery", { class: "gallery wide" }, place, el("p", { class: "hint" }, "The most and the least certain cells of each class. A cell leads to its place on the slide."));
}

async function filled(place, slide, about, view) {
  const entries = await askJson(`/results/${slide.series_uid}/gallery.json`);
  const strips = about.classes.map((one) => strip(one, entries.filter((entry) => entry.class === one.label), slide, view));
  place.replaceChildren(...(await Promise.all(strips)).filter((each) => each !== null));
}

async function strip(one, entries, slide, view) {
  if (entries.length === 0) return null;
  const picture = await createImageBitmap(await (await ask(`/results/${slide.series_uid}/${entries[0].strip}`)).blob());
  const cells = entries.map((entry) => el("li", {}, cell(entry, picture, view)));
  return el("div", { class: "strip" }, el("h3", {}, swatch(one.colour), one.label), el("ul", {}, cells));
}

function cell(entry, picture, view) {
  const canvas = el("canvas", { width: entry.width, height: picture.height, "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(picture, -entry.x, 0);
  const words = `${Math.round(100 * entry.probability)} %`;
  const name = `${entry.class}, ${words}, one of the ${entry.certain} certain: show it on the slide`;
  const go = () => view.flyToPixel((entry.left + entry.right) / 2, (entry.top + entry.bottom) / 2);
  return el("button", { type: "button", class: `cell ${entry.certain}`, "aria-label": name, click: go }, canvas, el("span", {}, words));
}
