// What stands around the charts and tables of an answer about metrics: where it comes from, and the way to its rows.

import { h } from "../dom.js";
import { rowsOf } from "../drilldown.js";
import { count, day, dayRange } from "../format.js";
import { icon } from "../icons.js";
import { errorWords, fullWords } from "../metrics.js";
import { missingWords, rowWords } from "./answertable.js";

/** Neither an empty frame nor a 0: what is missing, and where there is something. */
export function emptyWords(answer, dataset) {
  if (answer.data.length > 0) return null;
  const { days } = dataset;
  return days ? `No records like that in this range: there are some from ${dayRange(days.first, days.last)}` : "No records like that";
}

/** What was clicked: its figures, and the way to its rows. */
export function figureDetail(question, dataset, answer, row) {
  const { address, missing } = rowsOf(question, dataset, answer, row);
  const values = answer.columns.filter(({ kind }) => kind === "value").map((column) => `${column.title} ${fullWords(row[column.name], column)}`);
  return [
    h("strong", {}, rowWords(row, question, dataset) || "All"),
    h("span", {}, values.join(" · ")),
    address && h("a", { class: "button", href: address }, icon("data"), "Show the rows"),
    missing.length > 0 && h("span", { class: "muted" }, missingWords(missing)),
  ].filter(Boolean);
}

/**
 * Where the figures come from, of when they are, how exact they are, and what is not in them. `isBrief`: not where they come
 * from as most do.
 */
export function aboutAnswer(question, dataset, answer, { isBrief = false } = {}) {
  const newest = dataset.days ? `, with records up to ${day(dataset.days.newest ?? dataset.days.last)}` : "";
  const from = answer.source === "rollup" ? `From the pre-aggregate of data version ${count(answer.data_version)}${newest}.` : "From the records as they are now: no pre-aggregate answers this question.";
  const errors = answer.columns.filter(({ kind }) => kind === "value").map((column) => ({ column, words: errorWords(column, dataset.metrics[column.metric]) })).filter(({ words }) => words !== null);
  return h(
    "ul",
    { class: "about-answer muted" },
    !(isBrief && answer.source === "rollup") && h("li", { "data-source": answer.source }, from),
    errors.map(({ column, words }) => h("li", {}, `≈ ${column.title}: ${words.charAt(0).toLowerCase()}${words.slice(1)}.`)),
    answer.undated > 0 && h("li", {}, `${count(answer.undated)} records without a day are in none of these figures.`),
    answer.groups > answer.data.length && h("li", {}, `${count(answer.groups)} rows in all; these are the first ${count(answer.data.length)}.`),
  );
}
