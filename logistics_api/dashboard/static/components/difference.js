// Which lines two texts have in common, and which only one of them has.

import { h, replace } from "../dom.js";

/** Two lists of lines as one: [[sign, line]], with "-" only before, "+" only after, " " in both. */
export function lineDifference(before, after) {
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
  const choice = (words, chosen) =>
    h("label", {}, `${words} `, h("select", { class: "input", onchange: update }, versions.map(({ version }) => h("option", { value: version, selected: version === chosen.version }, `Version ${version}`))));
  const [from, to] = [choice("From", versions[1]), choice("to", versions[0])];
  const lines = (label) => versions[label.querySelector("select").selectedIndex].lines;
  function update() {
    const found = lineDifference(lines(from), lines(to));
    replace(host, found.every(([sign]) => sign === " ") ? h("p", { class: "muted", role: "status" }, "They are the same.") : h("pre", { class: "definition wrapped difference", tabindex: "0" }, found.map(line)));
  }
  update();
  return h("section", { class: "stack", "aria-label": "Difference" }, h("div", { class: "chips" }, from, to), host);
}

const ELEMENTS = { "-": "del", "+": "ins", " ": "span" };

function line([sign, text]) {
  return h(ELEMENTS[sign], {}, `${sign} ${text}`);
}
