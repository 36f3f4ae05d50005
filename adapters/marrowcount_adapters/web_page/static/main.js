// Which view is shown: the list, or one slide; the part of the address behind # says so.

import { askJson, offerSignOut } from "./asking.js";
import { el } from "./elements.js";
import { showList } from "./list.js";
import { showSlide } from "./slide.js";

const SLIDE = /^#\/slides\/([0-9.]+)$/;

const content = document.getElementById("content");
let about = null;
let leave = () => {};
let turn = 0;

async function show() {
  const mine = ++turn;
  leave();
  leave = () => {};
  about ??= await askJson("/api/about");
  if (mine !== turn) return;
  document.getElementById("caution").textContent = about.caution;
  const slide = SLIDE.exec(location.hash);
  content.replaceChildren();
  leave = slide ? showSlide(content, slide[1], about) : showList(content);
  window.scrollTo(0, 0);
}

async function shown(moved) {
  try {
    await show();
    if (moved) content.focus({ preventScroll: true });
  } catch (error) {
    const again = el("button", { type: "button", class: "main", click: () => shown(true) }, "Try again");
    content.replaceChildren(el("p", { class: "notice bad", role: "alert" }, `The node does not answer. ${error.message}`), again);
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  content.focus();
});
window.addEventListener("hashchange", () => shown(true));
offerSignOut();
shown(false);
