// A figure in large print: its trend, what it is held against, and a line of how it went.

import { h, s } from "../dom.js";
import { measure } from "../measures.js";
import { trend } from "./badges.js";

/**
 * kpi({measure, label, value, unit, change, better, versus, points, previous, link}): `measure` is the name of one that gives label,
 * unit, the good direction and an explanation; points and previous are lists of numbers or nulls; `link` leads to its rows.
 */
export function kpi({ measure: name = null, value, change, versus = null, points = null, previous = null, link = null, ...given }) {
  const { label, unit = null, better = "up", definition = null } = { ...(name && measure(name)), ...given };
  return h(
    "article",
    { class: "kpi" },
    h("div", { class: "kpi-label" }, h("h3", {}, label), definition && h("button", { type: "button", class: "help", "aria-label": `${label}: ${definition}`, "data-help": `${label}: ${definition}` }, "?")),
    h("div", { class: "value" }, link ? h("a", { href: link, title: `Rows of ${label}` }, value) : value, unit && h("small", {}, unit)),
    versus !== null && h("div", { class: "versus" }, trend(change, better), h("span", {}, versus)),
    points && sparkline(points, previous),
  );
}

const WIDTH = 100;
const HEIGHT = 30;

/** A line without axes; the numbers beside it say the rest, so it is for the eyes only. */
export function sparkline(points, previous = null) {
  const known = [...points, ...(previous ?? [])].filter((value) => value !== null && value !== undefined);
  if (points.length < 2 || known.length < 2) return h("div", { class: "sparkline" });
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const place = (value, i, list) => [(i / Math.max(1, list.length - 1)) * WIDTH, HEIGHT - 4 - ((value - low) / span) * (HEIGHT - 6)];
  const line = path(points, place);
  return h(
    "div",
    { class: "sparkline", "aria-hidden": "true" },
    s(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" },
      previous && s("path", { class: "previous", d: path(previous, place) }),
      points.every((value) => value !== null && value !== undefined) && s("path", { class: "area", d: `${line}L${WIDTH},${HEIGHT}L0,${HEIGHT}Z` }),
      s("path", { class: "line", d: line }),
    ),
  );
}

function path(values, place) {
  let pen = "M";
  return values
    .map((value, i) => {
      if (value === null || value === undefined) {
        pen = "M";
        return "";
      }
      const [x, y] = place(value, i, values);
      const step = `${pen}${x.toFixed(2)},${y.toFixed(2)}`;
      pen = "L";
      return step;
    })
    .join("");
}
