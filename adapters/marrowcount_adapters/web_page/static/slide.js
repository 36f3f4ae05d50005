// One slide: its state, and its result where there is one, built anew only when the result changes.

import { askJson, askNews } from "./asking.js";
import { drawChart } from "./chart.js";
import { Differential } from "./differential.js";
import { files, report } from "./downloads.js";
import { el, moment, section, size, tell } from "./elements.js";
import { figures, models, standing } from "./figures.js";
import { gallery } from "./gallery.js";
import { deliveries, history } from "./history.js";
import { stateOf } from "./list.js";
import { slideMap } from "./map.js";
import { poll } from "./polling.js";
import { SlideView } from "./slideview.js";
import { isMoving, stateTone, stateWords } from "./states.js";

const EVERY_MS = 2_000;
const CALM_MS = 10_000;

/** Show it; returns what ends it. */
export function showSlide(content, uid, about) {
  const page = new SlidePage(content, uid, about);
  const end = poll(() => page.look(), () => (page.moves ? EVERY_MS : CALM_MS), (error) => page.failed(error));
  return () => {
    end();
    page.ended = true;
    page.close();
  };
}

class SlidePage {
  constructor(content, uid, about) {
    Object.assign(this, { uid, about, tag: null, moves: true, state: "", result: null, closing: [], ended: false });
    this.head = el("header", { class: "head" }, el("p", { class: "waiting" }, "Loading …"));
    this.trouble = el("p", { class: "notice bad", role: "alert", hidden: true });
    this.found = el("div", { class: "found" });
    this.log = el("div", { class: "log" });
    content.append(el("p", { class: "back" }, el("a", { href: "#/" }, "← All slides")), this.trouble, this.head, this.found, this.log);
  }

  async look() {
    const news = await askNews(`/api/slides/${this.uid}`, this.tag);
    if (news === null || this.ended) return;
    const slide = news.document;
    this.#updateHead(slide);
    if (this.result !== `${slide.revision}/${slide.result}`) await this.#updateResult(slide);
    if (this.ended) return;
    this.#updateLog(slide);
    this.tag = news.tag;
  }

  failed(error) {
    this.trouble.hidden = error === null;
    if (error !== null && this.tag === null) this.head.replaceChildren();
    this.trouble.textContent = error === null ? "" : error.status === 404 ? "The node does not know this slide." : `Not up to date: ${error.message}`;
  }

  close() {
    for (const close of this.closing.splice(0)) close();
  }

  #updateHead(slide) {
    this.moves = isMoving(slide.state);
    const name = slide.glass || "Glass without a name";
    document.title = `${name} · marrowcount`;
    if (this.state && this.state !== slide.state) tell(`The slide is now ${stateWords(slide.state)}.`);
    this.state = slide.state;
    const tone = stateTone(slide.state) === "bad" ? "notice bad" : "said";
    const reason = slide.code ? `${slide.code}: ${slide.said}` : slide.said;
    this.head.replaceChildren(
      el("div", { class: "title" }, el("h1", {}, name), el("div", { class: "state" }, stateOf(slide))),
      el("p", { class: tone }, reason),
      el("p", { class: "facts" }, "Received ", moment(slide.received_at), ` from ${slide.sender} · ${slide.instances} instances, ${size(slide.size_bytes)} · revision ${slide.revision}`, el("span", { class: "uid" }, `Series ${slide.series_uid}`)),
    );
  }

  async #updateResult(slide) {
    const whole = slide.files.some((file) => file.name === "result.json");
    const result = whole ? await askJson(`/results/${this.uid}/result.json`) : null;
    if (this.ended) return;
    this.close();
    const view = new SlideView(slide, this.about);
    this.closing.push(() => view.close());
    this.found.replaceChildren(...(result ? this.#resultParts(slide, result, view) : [view.section, this.#picture(slide)]));
    this.result = `${slide.revision}/${slide.result}`;
    view.open();
  }

  #resultParts(slide, result, view) {
    if (result.status === "entered-in-error") return [standing(result), view.section, this.#picture(slide)];
    const differential = new Differential(result, this.about.classes, view);
    const chart = drawChart(result, this.about.classes);
    this.closing.push(() => chart.close());
    return [
      standing(result),
      warnings(result),
      el("div", { class: "pictures" }, view.section, chart.section, this.#picture(slide)),
      el("div", { class: "side" }, figures(result), differential.section),
      gallery(slide, this.about, view),
      el("div", { class: "take" }, report(slide), files(slide), models(result)),
    ].filter((part) => part !== null);
  }

  #picture(slide) {
    const map = slideMap(slide, this.about);
    this.closing.push(() => map.close());
    return map.section;
  }

  #updateLog(slide) {
    const open = this.log.querySelector("details")?.open ?? false;
    this.log.replaceChildren(deliveries(slide), history(slide, open));
  }
}

function warnings(result) {
  if (result.warnings.length === 0) return null;
  const lines = result.warnings.map((warning) => {
    const [code, words] = warning.split(/:(.*)/s);
    return el("li", {}, el("strong", {}, code), words ? `:${words}` : "");
  });
  return section("Warnings", { class: "notice warn wide" }, el("ul", {}, lines));
}
