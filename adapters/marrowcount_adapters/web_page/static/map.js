// The slide as one small picture, with the regions read where the result has their map.

import { askFile } from "./asking.js";
import { el, section } from "./elements.js";

/** The section, and what forgets its picture. */
export function slideMap(slide, about) {
  const names = new Set(slide.files.map((file) => file.name));
  const map = names.has("roi-map.png");
  const own = ["roi-map.png", "thumbnail.jpg"].find((name) => names.has(name));
  const rendered = `${about.dicomweb}/studies/${slide.study_uid}/series/${slide.series_uid}/thumbnail?viewport=800,800`;
  const words = map ? "The tiles of the slide that were looked at, and those whose cells were counted." : "The whole slide. This result has no map of regions.";
  const picture = el("img", { alt: map ? "Slide with the map of the regions read" : "Slide, small", hidden: true });
  const caption = el("figcaption", {}, "Loading the picture …");
  let url = null;
  let closed = false;
  askFile(own ? `/results/${slide.series_uid}/${own}` : rendered)
    .then((found) => {
      if (closed) {
        URL.revokeObjectURL(found);
        return;
      }
      url = found;
      picture.src = found;
      picture.hidden = false;
      caption.textContent = words;
    })
    .catch(() => {
      caption.textContent = "There is no picture of the slide yet.";
    });
  const close = () => {
    closed = true;
    if (url) URL.revokeObjectURL(url);
  };
  return { section: section("Map", { class: "map" }, el("figure", {}, picture, caption)), close };
}
