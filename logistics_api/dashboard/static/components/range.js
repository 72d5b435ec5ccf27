// The range of days, for all pages: a few from the newest day on, or any two days; and whether to show the one before.

import { h, replace } from "../dom.js";
import { icon } from "../icons.js";
import { NAMES, DEFAULT, custom, isDay } from "../ranges.js";
import * as router from "../router.js";
import { GRAINS, grainOf, grainOfLength } from "../periods.js";
import { opener } from "./menu.js";
import { segments } from "./segments.js";

/** rangeControl(() => view): `update()` shows what the view says. */
export function rangeControl(present) {
  const names = segments({
    label: "Range of days",
    options: NAMES,
    value: () => present()?.range?.name ?? DEFAULT,
    choose: (name) => router.change({ range: name === DEFAULT ? null : name, start: null, end: null, ...firstPages() }),
  });
  const form = h("form", { class: "popover", hidden: true });
  const button = h("button", { type: "button", class: "button", "aria-expanded": "false" }, icon("calendar"), h("span", {}, "Dates"));
  const free = opener(button, form, () => replace(form, fields(present().range, () => free.close())));
  const compare = h("input", { type: "checkbox", role: "switch", onchange: () => router.change({ compare: compare.checked ? "1" : null }) });
  const compareSwitch = h("label", { class: "switch" }, compare, "Compare with previous");
  const earlier = choice("Earlier range", { 1: "Previous range", weekday: "Same weekdays" }, (value) => router.change({ compare: value }));
  const grain = choice("Periods", GRAINS, (value) => router.change({ grain: value === "auto" ? null : value, by: null }));
  const control = h("div", { class: "controls" }, names, free, grain, compareSwitch, earlier);
  control.update = () => {
    const view = present();
    compareSwitch.hidden = grain.hidden = !view?.module.compared;
    earlier.hidden = compareSwitch.hidden || !view.compare;
    earlier.value = view?.sameWeekdays ? "weekday" : "1";
    if (view?.range) {
      const isChosen = Object.hasOwn(GRAINS, view.get("grain") ?? view.get("by") ?? "");
      grain.value = isChosen ? grainOf(view) : "auto";
      grain.options[0].textContent = `Auto: by ${grainOfLength(view.range)}`;
    }
    names.update();
    compare.checked = present()?.compare ?? false;
    button.setAttribute("aria-pressed", String(Boolean(present()?.range?.name.includes(".."))));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { from, to } = Object.fromEntries(new FormData(form));
    if (!isDay(from) || !isDay(to)) return;
    free.close();
    router.change({ range: custom(...[from, to].sort()), start: null, end: null, ...firstPages() });
  });
  return control;
}

function choice(label, options, choose) {
  const select = h("select", { class: "input", "aria-label": label, onchange: () => choose(select.value) }, Object.entries(options).map(([value, words]) => h("option", { value }, words)));
  return select;
}

/** Pages of lists begin anew when the range changes. */
function firstPages() {
  const names = [...new URLSearchParams(location.search).keys()];
  return Object.fromEntries(names.filter((name) => /(^|\.)page$/.test(name)).map((name) => [name, null]));
}

function fields(range) {
  const field = (name, label, value) =>
    h("label", { class: "field" }, label, h("input", { class: "input", type: "date", name, value, min: "1900-01-01", max: "2100-12-31", required: true }));
  return [
    field("from", "First day", range?.start),
    field("to", "Last day", range?.end),
    h("button", { class: "button primary", type: "submit" }, "Show"),
  ];
}
