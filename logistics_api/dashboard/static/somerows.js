// People who may see some rows only: the pages that answer from these rows, and what is known about them.

import { request } from "./figures.js";

const PAGES = new Set(["alerts", "explore", "boards", "data", "my-notifications"]);

/** Whether a page holds rows, metrics, boards or what is the person's own; `data` with a dataset is about its files. What the others show is of all rows. */
export const isPageOfSomeRows = ({ page, arguments: { length } }) => PAGES.has(page) && !(page === "data" && length > 0);

/** Whether an answer was refused because it is of all rows. */
export const isOfAllRows = (error) => error.kind === "urn:logistics:problem:rows-not-permitted";

/** The status as far as it is of the rows that may be seen: their days, from the catalogue of metrics. */
export async function statusOfSomeRows() {
  const { data, version, stale, at } = await request("/api/metrics");
  const days = data.datasets.map((dataset) => dataset.days).filter((found) => found !== null);
  const first = days.map((found) => found.first).sort().at(0) ?? null;
  const last = days.map((found) => found.newest).filter((found) => found !== null).sort().at(-1) ?? null;
  const datasetsOfSomeRows = data.datasets.map(({ dataset }) => dataset);
  return { data: { data_version: version, first_day: first, last_day: last, open_proposals: 0, open_incidents: 0, isOfSomeRows: true, datasetsOfSomeRows }, stale, at };
}
