// Building blocks of markup, and how times, sizes and shares are written.

/** An element: attributes by name (functions are listeners, true and false are presence), then children. */
export function el(name, attributes = {}, ...children) {
  return furnished(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function svg(name, attributes = {}, ...children) {
  return furnished(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnished(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** A section with its heading. */
export function section(title, attributes, ...children) {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return el("section", { "aria-labelledby": id, ...attributes }, el("h2", { id }, title), ...children);
}

/** A colour as a small field. Colours are set by script: the page's policy knows no style in markup. */
export function swatch(colour) {
  const field = el("span", { class: "swatch", "aria-hidden": "true" });
  field.style.backgroundColor = colour;
  return field;
}

/** Tell those who do not see. */
export function tell(words) {
  const told = document.getElementById("told");
  if (told.textContent !== words) told.textContent = words;
}

export function moment(iso) {
  const time = new Date(iso);
  const shown = time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return el("time", { datetime: iso, title: time.toLocaleString() }, shown);
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

export function share(value) {
  return `${Math.round(100 * value)} %`;
}

export function count(number) {
  return number.toLocaleString("en-GB");
}
