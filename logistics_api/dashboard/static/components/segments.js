// A choice of a few values, all of them visible.

import { h } from "../dom.js";

/** segments({label, options: {value: words}, value: () => value, choose: (value) => …}); `update()` shows the present value. */
export function segments({ label, options, value, choose }) {
  const buttons = Object.entries(options).map(([key, words]) => {
    const button = h("button", { type: "button", onclick: () => choose(key) }, words);
    button.key = key;
    return button;
  });
  const group = h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
  group.update = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.key === value())));
  group.update();
  return group;
}

/** The same for a parameter of the address; the first option is the default and is left out of it. */
export function parameterSegments(view, { label, name, options, also = {} }) {
  const first = Object.keys(options)[0];
  const group = segments({
    label,
    options,
    value: () => view.get(name, first),
    choose: (key) => view.set({ ...also, [name]: key === first ? null : key }),
  });
  view.follow(group.update);
  return group;
}
