// A parameter of the address as a list to choose from, and as a switch.

import { h } from "../dom.js";

/** options: {value: words}; the first is the default and is left out of the address. `also`: changed with it. */
export function parameterSelect(view, { label, name, options, also = {} }) {
  const [first] = Object.keys(options);
  const select = h(
    "select",
    { class: "input", "aria-label": label, onchange: () => view.set({ ...also, [name]: select.value === first ? null : select.value }) },
    Object.entries(options).map(([value, words]) => h("option", { value }, words)),
  );
  const update = () => (select.value = view.get(name, first));
  view.follow(update);
  update();
  return select;
}

export function parameterSwitch(view, { label, name, also = {} }) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: () => view.set({ ...also, [name]: input.checked ? "1" : null }) });
  const update = () => (input.checked = view.get(name) === "1");
  view.follow(update);
  update();
  return h("label", { class: "switch" }, input, label);
}
