// Short words with a colour that says how good they are. The words alone say it too.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { percent } from "../format.js";

/** tone: "good", "bad", "warn", "accent" or null */
export const badge = (text, tone = null) => h("span", { class: `badge ${tone ?? ""}` }, text);

/** Change in percent. better: "up", "down", or null where neither is. */
export function trend(value, better = "up") {
  if (value === null || value === undefined) return null;
  const direction = value > 0 ? "up" : value < 0 ? "down" : null;
  const tone = direction === null || better === null ? "" : direction === better ? "good" : "bad";
  const words = direction === null ? "unchanged" : `${direction} ${percent(Math.abs(value))}`;
  const image = direction && icon(direction === "up" ? "up" : "arrowdown");
  return h("span", { class: `trend ${tone}` }, image, h("span", { class: "sr-only" }, words), h("span", { "aria-hidden": "true" }, percent(Math.abs(value))));
}
