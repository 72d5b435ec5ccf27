// Which lines two texts have in common, and which only one of them has.

import { h, replace } from "../dom.js";

const ELEMENTS = { "-": "del", "+": "ins", " ": "span" };

/** Two lists of lines as one: [[sign, line]], with "-" only before, "+" only after, " " in both. */
function lineDifference(before, after) {
  const common = commonLines(before, after);
  const lines = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      lines.push([" ", before[i]]);
      i += 1;
      j += 1;
    } else if (common[i + 1][j] >= common[i][j + 1]) lines.push(["-", before[i++]]);
    else lines.push(["+", after[j++]]);
  }
  return [...lines, ...before.slice(i).map((text) => ["-", text]), ...after.slice(j).map((text) => ["+", text])];
}

/** How many lines are in common from each pair of places on. */
function commonLines(before, after) {
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  return common;
}

/** A choice of two versions, the newest two at first, and how they differ. versions: [{version, lines}], the newest first. */
export function versionDifference(versions) {
  const host = h("div", {});
  const update = () => replace(host, difference(versions[from.selectedIndex].lines, versions[to.selectedIndex].lines));
  const [from, to] = [versionSelect(versions, 1, update), versionSelect(versions, 0, update)];
  update();
  return h("section", { class: "stack", "aria-label": "Difference" }, h("h3", {}, "Difference"), h("div", { class: "chips" }, h("label", {}, "From ", from), h("label", {}, "to ", to)), host);
}

function versionSelect(versions, chosen, onchange) {
  return h("select", { class: "input", onchange }, versions.map(({ version }, place) => h("option", { value: version, selected: place === chosen }, `Version ${version}`)));
}

function difference(before, after) {
  const lines = lineDifference(before, after);
  if (lines.every(([sign]) => sign === " ")) return h("p", { class: "muted", role: "status" }, "They are the same.");
  return h("pre", { class: "definition wrapped difference", tabindex: "0" }, lines.map(([sign, text]) => h(ELEMENTS[sign], {}, `${sign} ${text}`)));
}
