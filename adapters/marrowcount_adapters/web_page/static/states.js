// The states of slides and deliveries in words, and how they are marked; the mark never stands alone.

const STATES = {
  receiving: ["receiving", "busy"],
  ready: ["waiting to be counted", "busy"],
  counting: ["counting", "busy"],
  counted: ["counted", "good"],
  refused: ["refused", "bad"],
  incomplete: ["incomplete", "bad"],
  failed: ["failed", "bad"],
  discarded: ["discarded", "idle"],
  aside: ["nothing to count", "idle"],
};

const DELIVERIES = {
  waiting: "busy",
  sending: "busy",
  delivered: "good",
  committed: "good",
  uncommitted: "bad",
  dead: "bad",
};

export function stateWords(state) {
  return STATES[state]?.[0] ?? state;
}

export function stateTone(state) {
  return STATES[state]?.[1] ?? "idle";
}

export function deliveryTone(state) {
  return DELIVERIES[state] ?? "idle";
}

/** Whether a slide moves on by itself. */
export function isMoving(state) {
  return stateTone(state) === "busy";
}
