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

/** Puts new children in place of the old ones and keeps the focus on what has the same `data-focus`. */
export function replace(host, ...children) {
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset?.focus : undefined;
  host.replaceChildren(...present(children));
  if (focused) host.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

let numbers = 0;
/** An id no other element has, for labels. */
export function unique(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}
