// A button that opens a short list or a small form; Escape and a click elsewhere close it.

import { h, replace } from "../dom.js";
import { icon } from "../icons.js";

/** menu(label, () => entries): entries are links and buttons, made anew each time it opens; `rename(label)` changes its name. */
export function menu(label, entries) {
  const list = h("div", { class: "menu-list", hidden: true });
  const button = h("button", { type: "button", class: "button plain icon-only", "aria-label": label, "aria-expanded": "false", title: label }, icon("more"));
  const host = opener(button, list, () => replace(list, entries()));
  host.rename = (words) => {
    button.title = words;
    button.setAttribute("aria-label", words);
  };
  list.addEventListener("click", () => host.close());
  return host;
}

/** Puts `button` and what it opens together. `host.close()` closes it. */
export function opener(button, content, opening = () => {}) {
  const host = h("div", { class: "menu" }, button, content);
  const outside = (event) => host.contains(event.target) || host.close();
  const escape = (event) => {
    if (event.key !== "Escape") return;
    host.close();
    button.focus();
  };
  host.close = () => {
    content.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    document.removeEventListener("keydown", escape);
  };
  button.addEventListener("click", () => {
    if (!content.hidden) return host.close();
    opening();
    content.hidden = false;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    content.querySelector("a, button, input")?.focus();
  });
  return host;
}
