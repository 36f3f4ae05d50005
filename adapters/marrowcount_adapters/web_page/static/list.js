// The list of slides with state and progress, kept up to date in place so that focus stays where it is.

import { askNews } from "./asking.js";
import { count, el, moment, share, size } from "./elements.js";
import { poll } from "./polling.js";
import { isMoving, stateTone, stateWords } from "./states.js";

const EVERY_MS = 2_000;
const CALM_MS = 6_000;
const AT_FIRST = 100;

/** Show it; returns what ends it. */
export function showList(content) {
  document.title = "Slides · marrowcount";
  const view = new List(content);
  return poll(() => view.look(), () => (view.moves ? EVERY_MS : CALM_MS), (error) => view.failed(error));
}

class List {
  constructor(content) {
    this.rows = new Map();
    this.tag = null;
    this.most = AT_FIRST;
    this.moves = true;
    this.body = el("tbody");
    this.summary = el("p", { class: "summary" }, "Loading …");
    this.trouble = el("p", { class: "notice bad", hidden: true });
    this.more = el("button", { type: "button", hidden: true, click: () => this.#showMore() }, "Show more");
    const heads = ["Slide", "State", "What it says", "Received", "Size"].map((head) => el("th", { scope: "col" }, head));
    this.table = el("table", { class: "slides", hidden: true }, el("caption", { class: "unseen" }, "Slides, the latest change first"), el("thead", {}, el("tr", {}, heads)), this.body);
    content.append(el("h1", {}, "Slides"), this.summary, this.trouble, this.table, this.more);
  }

  async look() {
    const news = await askNews(`/api/slides?most=${this.most}`, this.tag);
    if (news === null) return;
    this.tag = news.tag;
    this.#update(news.document);
  }

  failed(error) {
    this.trouble.hidden = error === null;
    this.trouble.textContent = error === null ? "" : `Not up to date: ${error.message}`;
  }

  #update({ slides, known }) {
    this.moves = slides.some((slide) => isMoving(slide.state));
    this.summary.textContent = known ? summary(slides, known) : "No slide has come yet. Send one by C-STORE or STOW-RS.";
    this.table.hidden = known === 0;
    this.more.hidden = slides.length >= known;
    const rows = slides.map((slide) => this.#row(slide));
    for (const [place, row] of rows.entries()) {
      if (this.body.children[place] !== row) this.body.insertBefore(row, this.body.children[place] ?? null);
    }
    while (this.body.children.length > rows.length) this.body.lastChild.remove();
  }

  #row(slide) {
    let row = this.rows.get(slide.series_uid);
    if (row === undefined) {
      row = el("tr");
      this.rows.set(slide.series_uid, row);
      row.append(nameCell(slide), el("td"), el("td", { class: "said" }), el("td", { class: "when" }), el("td", { class: "number size" }));
    }
    const [, state, said, when, bytes] = row.children;
    state.replaceChildren(...stateOf(slide));
    said.textContent = slide.said;
    when.replaceChildren(moment(slide.received_at));
    bytes.textContent = size(slide.size_bytes);
    return row;
  }

  #showMore() {
    this.most = Math.min(10_000, this.most * 2);
    this.tag = null;
    this.look().catch((error) => this.failed(error));
  }
}

function summary(slides, known) {
  const shown = slides.length < known ? `The ${slides.length} that changed last of ${count(known)}` : `${count(known)}`;
  return `${shown} ${known === 1 ? "slide" : "slides"}, the latest change first.`;
}

function nameCell(slide) {
  const link = el("a", { href: `#/slides/${slide.series_uid}` }, slide.glass || "glass without a name");
  return el("th", { scope: "row" }, link, el("small", { class: "uid" }, slide.series_uid));
}

/** The state as a badge, and a bar while it is counted. */
export function stateOf(slide) {
  const badge = el("span", { class: `badge ${stateTone(slide.state)}` }, stateWords(slide.state));
  if (slide.progress === null) return [badge];
  const { share: done, tiles, cells } = slide.progress;
  const words = `${count(tiles)} tiles, ${count(cells)} cells`;
  const bar = el("progress", { max: "1", value: String(done), "aria-label": `${share(done)} of the tiles at most: ${words}` });
  return [badge, bar, el("small", {}, words)];
}
