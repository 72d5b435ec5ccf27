// Forecasts for readers: which there are, which is chosen by the address, and how right they are in words.

import { url } from "./api.js";
import { percent } from "./format.js";
import { dimensionWords, fullWords, nextPeriod, periodWords } from "./metrics.js";

/** Where the API lists all that is forecast. */
export const CATALOGUE = "/api/forecasts";

/** Periods before the forecast that the chart shows. */
const SHOWN_BEFORE = { day: 84, week: 52, month: 36 };
/** What repeating the last season is called, and over what errors are tracked. */
const REPEATED = { day: "repeating last week", week: "repeating last year", month: "repeating last year" };
const LATELY = { day: "the last six weeks", week: "the last six weeks", month: "the last six months" };
const MOST_SERIES = 100;
const EARLIER = 5;

/** The forecast that the address chooses: {dataset, title, forecast, level}; null where nothing is forecast. */
export function chosen(get, catalogue) {
  const all = catalogue.datasets.flatMap(({ dataset, title, forecasts }) => forecasts.map((forecast) => ({ dataset, title, forecast })));
  const key = get("forecast");
  const found = all.find((each) => keyOf(each) === key) ?? all[0];
  if (!found) return null;
  const by = get("by");
  const level = found.forecast.levels.find((each) => each.by.join(",") === by) ?? found.forecast.levels[0];
  return { ...found, level };
}

/** Names a forecast in the address. */
export const keyOf = ({ dataset, forecast: { metric, grain, levels } }) => [dataset, metric, grain, levels[0].by.join("+")].filter(Boolean).join(".");

/** Its words in a list. */
export const wordsOf = ({ title, forecast: { title: metric, grain } }) => `${title}: ${metric} by ${grain}`;

export const levelWords = ({ titles }) => (titles.length ? `By ${titles.join(" and ").toLowerCase()}` : "Total");

const parameters = ({ forecast: { metric, grain }, level }) => ({ metric, grain, by: level.by.join(",") });

/** The address of the forecasts of all series of a level. */
export const seriesAddress = (asked) => withBy(`/api/forecasts/${encodeURIComponent(asked.dataset)}`, { ...parameters(asked), limit: MOST_SERIES });

/** `by` is there even if it is empty: without it, the API would choose. */
const withBy = (path, { by, ...rest }) => `${url(path, rest)}&by=${encodeURIComponent(by)}`;

/** The address of the forecast of one series, with earlier ones. */
export const oneAddress = (asked, key) => withBy(`/api/forecasts/${encodeURIComponent(asked.dataset)}`, { ...parameters(asked), filter: filterOf(key), past: EARLIER, limit: 1 });

/** The address of what was, before that forecast. */
export function actualsAddress({ dataset, forecast: { metric, grain, run } }, key) {
  const end = run.last_period;
  const start = earlier(end, grain, SHOWN_BEFORE[grain]);
  const last = grain === "day" ? end : previousDay(nextPeriod(end, grain));
  return url(`/api/metrics/${encodeURIComponent(dataset)}`, { metrics: metric, grain, start: start < run.first_period ? run.first_period : start, end: last, filter: filterOf(key), exact: "true", limit: 1000 });
}

/** The address of how right the forecasts of a level, or of one series, were. */
export const accuracyAddress = (asked, key) => withBy("/api/forecasts/accuracy", { dataset: asked.dataset, ...parameters(asked), filter: key && filterOf(key) });

const previousDay = (text) => new Date(Date.parse(`${text}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);

function earlier(text, grain, periods) {
  const date = new Date(`${text}T00:00:00Z`);
  if (grain === "month") date.setUTCMonth(date.getUTCMonth() - periods + 1);
  else date.setUTCDate(date.getUTCDate() - (grain === "week" ? 7 : 1) * (periods - 1));
  return date.toISOString().slice(0, 10);
}

/** The filter of the records of a series; null for the total. */
function filterOf(key) {
  const parts = Object.entries(key).map(([field, value]) => ({ [field]: value === null ? { isNull: true } : { eq: value } }));
  if (parts.length === 0) return null;
  return JSON.stringify(parts.length === 1 ? parts[0] : { and: parts });
}

/** A series in words. */
export const seriesWords = ({ key, is_rest: isRest, parts }) => {
  const values = Object.values(key);
  if (isRest) return [...values.filter((value) => value !== null).map((value) => dimensionWords(value)), `${parts} others together`].join(" → ");
  return values.length ? values.map((value) => dimensionWords(value)).join(" → ") : "Total";
};

/** A period ahead in words, with the name of a special day. */
export function aheadWords(answer, period) {
  const special = answer.special_days.find(({ day }) => day === period);
  return special ? `${periodWords(period, answer.grain)}, ${special.name}` : periodWords(period, answer.grain);
}

/** How right a series, or a level, is: {error, naive, coverage, when}; null where nothing was scored. */
export function rightness({ tracked, backtest }, grain) {
  if (tracked && tracked.error !== null) return { ...tracked, when: `in ${LATELY[grain]}`, isTracked: true };
  if (backtest && backtest.error !== null) return { ...backtest, when: "in the back-test", isTracked: false };
  return null;
}

/** The same as sentences. */
export function rightnessWords(series, grain) {
  const found = rightness(series, grain);
  if (found === null) return ["How right its forecasts are is not known yet: its past is too short for a back-test."];
  const naive = found.naive_error === null ? "" : `; ${REPEATED[grain]}: ${percent(100 * found.naive_error)}`;
  const sentences = [`Off by ${percent(100 * found.error)} on average ${found.when}${naive}.`];
  if (found.coverage_90 !== null) sentences.push(`The 90 % band held ${percent(100 * found.coverage_90, 0)} of what came true.`);
  if (!found.isTracked) sentences.push("The back-test forecast the past without knowing what followed; forecasts that were issued are scored once their days are over.");
  return sentences;
}

/** Whether repeating the last season was as good. */
export const isWorse = ({ error, naive_error: naive }) => error !== null && naive !== null && error > naive;

/** What was, as it was forecast from: period → value. A sum or count of periods without records is 0; others have no value then. */
function pastOf(rows, { metric, grain, end, described }) {
  const known = new Map(rows.filter((row) => row[metric] !== null).map((row) => [row.period, Number(row[metric])]));
  if (rows.length === 0 || !(described?.adds_up || described?.aggregate === "distinct")) return known;
  const found = new Map();
  for (let period = rows[0].period; period <= end; period = nextPeriod(period, grain)) found.set(period, known.get(period) ?? 0);
  return found;
}

/** The rows of the chart: what was, what is likely, what was said before. `described` is the metric as /api/metrics describes it. */
export function chartRows(answer, series, actuals, described) {
  const { grain, probabilities, metric } = answer;
  const column = { unit: answer.unit };
  const words = (value) => fullWords(value, column);
  const place = Object.fromEntries(probabilities.map((probability, i) => [String(probability), i]));
  const quantile = (point, probability) => point.quantiles[place[probability]] ?? null;
  const known = pastOf(actuals?.data ?? [], { metric, grain, end: answer.run.last_period, described });
  const past = [...known].map(([begins, actual]) => ({ begins, words: periodWords(begins, grain), actual, shown: words(actual) }));
  const last = past.at(-1);
  const meets = last && { begins: last.begins, point: last.actual, low90: last.actual, high90: last.actual, low80: last.actual, high80: last.actual, low50: last.actual, high50: last.actual };
  const likely = series.points.filter(({ point }) => point !== null).map((point) => ({
    begins: point.period, words: aheadWords(answer, point.period), point: point.point, likely: words(point.point),
    within: `${words(quantile(point, "0.05"))} – ${words(quantile(point, "0.95"))}`,
    low90: quantile(point, "0.05"), high90: quantile(point, "0.95"), low80: quantile(point, "0.1"), high80: quantile(point, "0.9"),
    low50: quantile(point, "0.25"), high50: quantile(point, "0.75"),
  }));
  const first = past[0]?.begins ?? "";
  const said = series.past.flatMap(({ run_id: run, points }) => points.filter(({ period, point }) => point !== null && period >= first && period <= (last?.begins ?? "")).map(({ period, point }) => ({ begins: period, said: point, run })));
  return [...said, ...past, meets, ...likely].filter(Boolean);
}

/** The chart in a sentence. */
export function chartSummary(answer, series) {
  const points = series.points.filter(({ point }) => point !== null);
  if (points.length === 0) return "There is no forecast.";
  const [first, last] = [points[0], points.at(-1)];
  const words = (value) => fullWords(value, { unit: answer.unit });
  return `${answer.title}, ${seriesWords(series)}: ${words(first.point)} for ${periodWords(first.period, answer.grain)}, ${words(last.point)} for ${periodWords(last.period, answer.grain)}, with 90 % between ${words(last.quantiles[0])} and ${words(last.quantiles.at(-1))}. The table has all values.`;
}
