// Makes elements. Text only ever goes in as text, so nothing from the data can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** h("p", {class: "muted", onclick}, "text", node): properties that begin with "on" are listeners; null is left out. */
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** The same for SVG. */
export function s(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Children as they can be appended: lists flattened, nothing left out but null, undefined and false. */
export function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/**
 * Puts new children in place of the old ones. The focus stays on what has the same `data-focus`, else on what is the same
 * kind of element, leads to the same place and says the same.
 */
export function replace(host, ...children) {
  const focused = document.activeElement !== host && host.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && alike(host, focused).indexOf(focused);
  host.replaceChildren(...present(children));
  if (focused && !focused.isConnected) alike(host, focused)[place]?.focus({ preventScroll: true });
}

function alike(host, element) {
  const name = element.dataset.focus;
  if (name) return [...host.querySelectorAll(`[data-focus="${CSS.escape(name)}"]`)];
  const said = ({ pathname, ariaLabel, textContent }) => JSON.stringify([pathname, ariaLabel ?? textContent]);
  return [...host.querySelectorAll(element.localName)].filter((other) => said(other) === said(element));
}

let numbers = 0;
/** An id no other element has, for labels. */
export function unique(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}
