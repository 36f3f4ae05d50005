// Asking the node: with the tab's token where it wants one, and nothing left in the browser's cache.

const KEPT = "marrowcount.token";

let signingIn = null;

/** The node answered, but not with what was asked for. */
export class RefusedError extends Error {
  constructor(status, detail) {
    super(detail || `The node answered with status ${status}.`);
    this.status = status;
  }
}

/** The answer to a GET, signed in where that is asked for; 304 counts as one. Throws RefusedError, and TypeError where nobody answers. */
export async function ask(path, headers = {}, signal = undefined) {
  for (;;) {
    const token = sessionStorage.getItem(KEPT);
    const sent = token === null ? headers : { ...headers, Authorization: `Bearer ${token}` };
    const answer = await fetch(path, { headers: sent, cache: "no-store", signal });
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status !== 401) throw new RefusedError(answer.status, await detailOf(answer));
    if (sessionStorage.getItem(KEPT) === token) await signedIn(token !== null);
  }
}

export async function askJson(path) {
  return (await ask(path)).json();
}

/** What changed since an earlier answer: {document, tag}; null where nothing did. */
export async function askNews(path, tag) {
  const answer = await ask(path, tag ? { "If-None-Match": tag } : {});
  return answer.status === 304 ? null : { document: await answer.json(), tag: answer.headers.get("ETag") };
}

/** A file as a URL that pictures and links can use without a token. The caller revokes it. */
export async function askFile(path) {
  return URL.createObjectURL(await (await ask(path)).blob());
}

async function detailOf(answer) {
  const type = answer.headers.get("Content-Type") ?? "";
  return type.includes("json") ? (await answer.json()).detail : "";
}

/** One box for however many requests wait. */
function signedIn(wrong) {
  sessionStorage.removeItem(KEPT);
  signingIn ??= askedForToken(wrong).finally(() => {
    signingIn = null;
  });
  return signingIn;
}

function askedForToken(wrong) {
  const dialog = document.getElementById("sign-in");
  const field = document.getElementById("token");
  document.getElementById("sign-in-wrong").textContent = wrong ? "The node does not know this token." : "";
  field.value = "";
  return new Promise((resolve) => {
    dialog.oncancel = (event) => event.preventDefault();
    dialog.querySelector("form").onsubmit = () => {
      sessionStorage.setItem(KEPT, field.value.trim());
      document.getElementById("sign-out").hidden = false;
      resolve();
    };
    dialog.showModal();
  });
}

/** Show the way out where there is something to forget. */
export function offerSignOut() {
  const button = document.getElementById("sign-out");
  button.hidden = sessionStorage.getItem(KEPT) === null;
  button.addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    location.reload();
  });
}
