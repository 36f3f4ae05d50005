// The files of a result: the report to open, all others to take along.

import { askFile } from "./asking.js";
import { el, section, size, tell } from "./elements.js";

const SHOWN_ELSEWHERE = /^(gallery[./]|thumbnail\.jpg$)/;

function path(slide, name) {
  return `/results/${slide.series_uid}/${name}`;
}

export function report(slide) {
  const file = slide.files.find((one) => one.name === "report.pdf");
  if (file === undefined) return null;
  const link = el("a", { class: "main", href: path(slide, file.name), target: "_blank", rel: "noopener", click: (event) => opened(event, path(slide, file.name)) }, "Open the report (PDF)");
  return section("Report", { class: "report" }, el("p", {}, link));
}

export function files(slide) {
  const offered = slide.files.filter((file) => !SHOWN_ELSEWHERE.test(file.name));
  const lines = offered.map((file) => el("li", {}, el("a", { href: path(slide, file.name), download: file.name, click: (event) => saved(event, path(slide, file.name), file.name) }, file.title), el("small", {}, `${file.name} · ${size(file.size_bytes)}`)));
  return section("Files", { class: "files" }, el("ul", {}, lines));
}

/** Links cannot send a token, so files are asked for by script and handed to the browser. */
async function saved(event, from, name) {
  event.preventDefault();
  const url = await fetched(from);
  if (url) el("a", { href: url, download: name }).click();
}

/** By a link that makes no opener: a tab that this one opened by script would get a copy of the token. */
async function opened(event, from) {
  event.preventDefault();
  const url = await fetched(from);
  if (url) el("a", { href: url, target: "_blank", rel: "noopener" }).click();
}

async function fetched(from) {
  try {
    const url = await askFile(from);
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    return url;
  } catch (error) {
    tell(error.message);
    return null;
  }
}
