// Looking again and again, while somebody looks at the page.

import { tell } from "./elements.js";

/** Call look at once and then every so many milliseconds, never twice at a time; returns what ends it. */
export function poll(look, every, failed) {
  let timer = 0;
  let ended = false;
  async function turn() {
    if (!document.hidden) await looked(look, failed);
    if (!ended) timer = setTimeout(turn, every());
  }
  turn();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

async function looked(look, failed) {
  try {
    await look();
    failed(null);
  } catch (error) {
    if (error.status === undefined) tell("The node does not answer; trying again.");
    failed(error);
  }
}
