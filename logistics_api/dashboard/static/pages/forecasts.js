// What is likely: a forecast with its band behind what was, which method made it, how right it is; all series of its level; how right forecasts were over time.

import { h } from "../dom.js";
import { chart } from "../charts.js";
import * as events from "../events.js";
import { CATALOGUE, accuracyAddress, actualsAddress, aheadWords, chartRows, chartSummary, chosen, isWorse, keyOf, levelWords, oneAddress, rightness, rightnessWords, seriesAddress, seriesWords, wordsOf } from "../forecasts.js";
import { ago, count, day, decimal, moment, percent } from "../format.js";
import { icon } from "../icons.js";
import { CATALOGUE as METRICS, described, fullWords, periodWords } from "../metrics.js";
import { badge } from "../components/badges.js";
import { message, panel } from "../components/panel.js";
import { pager, table } from "../components/table.js";

export const title = () => "Forecasts";
export const ranged = false;

const share = (value, digits = 1) => (value === null || value === undefined ? "–" : percent(100 * value, digits));
const LEGEND = [{ words: "Actual", kind: "mean" }, { words: "Forecast", kind: "reference" }, { words: "50, 80 and 90 % of what may come", kind: "day" }];

export function build(view) {
  let catalogue = null;
  let listed = null; // the series of the level, and of which question
  const asked = () => (catalogue === null ? null : chosen((name) => view.get(name), catalogue));
  const isMade = (found) => found !== null && found.forecast.run !== null;
  const address = () => (isMade(asked()) ? seriesAddress(asked()) : null);
  const series = () => {
    if (address() === null || listed?.address !== address()) return null;
    const key = view.get("series");
    return listed.series.find((each) => !each.is_rest && JSON.stringify(each.key) === key) ?? unlisted(key, asked().level) ?? listed.series.find((each) => !each.is_rest) ?? null;
  };
  const choice = panel(view, {
    title: "Forecast",
    className: "question-panel",
    request: () => CATALOGUE,
    placeholder: "6rem",
    render: (found) => {
      catalogue = found;
      queueMicrotask(() => list.renew());
      return asked() === null ? nothing() : choices(view, found, asked());
    },
  });
  const one = panel(view, {
    title: () => (series() ? `${asked().forecast.title}: ${seriesWords(series())}` : "What is likely"),
    subtitle: () => (isMade(asked()) ? `Known until ${periodWords(asked().forecast.run.last_period, asked().forecast.grain)}` : ""),
    caption: () => (isMade(asked()) ? `Known until ${day(asked().forecast.run.last_period)}` : ""),
    request: () => (series() ? { forecast: oneAddress(asked(), series().key), actuals: actualsAddress(asked(), series().key), metrics: METRICS } : null),
    placeholder: "24rem",
    empty: ({ forecast }) => (forecast.data.length ? null : "There is no forecast of this series"),
    csv: ({ forecast }) => pointRows(forecast),
    csvWords: "CSV (the forecast)",
    render: ({ forecast, actuals, metrics }) => drawn(forecast, actuals, described(metrics)[forecast.dataset]?.metrics[forecast.metric]),
  });
  const list = panel(view, {
    title: () => (asked() ? `All series: ${levelWords(asked().level).toLowerCase()}` : "All series"),
    caption: () => "",
    request: address,
    placeholder: "12rem",
    empty: (answer) => (answer.data.length ? null : "No forecasts of this level have been made yet"),
    csv: (answer) => seriesRows(answer),
    render: (answer) => {
      const isOther = listed?.address !== address();
      listed = { address: address(), series: answer.data };
      queueMicrotask(() => [one, right].forEach((each) => (isOther ? each.refresh() : each.renew())));
      return seriesTable(view, answer, series());
    },
  });
  const right = panel(view, {
    title: () => (series() ? `How right: ${seriesWords(series())}` : "How right"),
    subtitle: "Forecasts that were issued, against what is known now",
    caption: () => "",
    request: () => (series() ? accuracyAddress(asked(), asked().level.by.length ? series().key : null) : null),
    placeholder: "12rem",
    csv: ({ over_time: rows }) => ({ columns: ["first_period", "last_period", ...ERRORS].map((key) => ({ key })), rows }),
    render: accuracy,
  });
  view.atEnd(events.on("forecasts", () => choice.renew()));
  return h("div", { class: "grid" }, choice, one, right, list);
}

/** Series on one page of the table. */
const SIZE = 25;
const ERRORS = ["forecasts", "error", "naive_error", "value_added", "bias", "coverage_80", "coverage_90"];

function nothing() {
  return message(
    "forecasts",
    "Nothing is forecast",
    "A dataset has forecasts if its contract asks for some, by metric and fields:",
    h("pre", { class: "example", tabindex: "0", "aria-label": "Forecasts in a contract" }, "forecasts:\n  - metrics: [revenue]\n    by: [[], [origin]]\n    grain: day\n    horizon: 28"),
  );
}

/** The series of an address that is not among the largest; null if it names none of the level. */
function unlisted(text, { by }) {
  try {
    const key = JSON.parse(text);
    const isOfLevel = by.length > 0 && JSON.stringify(Object.keys(key)) === JSON.stringify(by);
    return isOfLevel ? { key, is_rest: false, parts: 1 } : null;
  } catch {
    return null;
  }
}

/** The lists to choose from: what is forecast, and its level. */
function choices(view, { datasets }, asked) {
  const all = datasets.flatMap(({ dataset, title: words, forecasts }) => forecasts.map((forecast) => ({ dataset, title: words, forecast })));
  const metric = h("select", { class: "input", "data-focus": "forecast", onchange: () => view.set({ forecast: metric.value, by: null, series: null, page: null }) }, all.map((each) => h("option", { value: keyOf(each), selected: keyOf(each) === keyOf(asked) }, wordsOf(each))));
  const level = h("select", { class: "input", "data-focus": "level", onchange: () => view.set({ by: level.value || null, series: null, page: null }) }, asked.forecast.levels.map((each) => h("option", { value: each.by.join(","), selected: each.by.join(",") === asked.level.by.join(",") }, levelWords(each))));
  return h(
    "div",
    { class: "filters" },
    h("label", { class: "field" }, "Forecast of", metric),
    h("label", { class: "field" }, "Level", level),
    asked.forecast.run === null
      ? h("p", { class: "note" }, icon("clock"), h("span", {}, "No forecast has been made yet. Dagster makes them once the figures have settled and a period is over."))
      : h("p", { class: "muted" }, made(asked.forecast)),
  );
}

const made = ({ run, horizon, grain }) => `${horizon} ${grain}s ahead. Made ${ago(run.issued_at)}, of data version ${count(run.data_version)}, for ${count(run.series)} series.`;

function drawn(answer, actuals, metric) {
  const [series] = answer.data;
  const rows = chartRows(answer, series, actuals, metric);
  const earlier = series.past.length ? [{ words: "Said before", kind: "previous" }] : [];
  return [
    chart({ name: "forecast", rows, legend: [...LEGEND, ...earlier], summary: chartSummary(answer, series) }),
    words(answer, series),
    series.naive_since && h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, `Since ${day(series.naive_since)} only the last season is repeated. ${series.naive_reason ?? ""}`)),
    pointsTable(answer, series),
  ];
}

/** Which method, how wrong it is, how wide the band. */
function words(answer, series) {
  return h(
    "ul",
    { class: "about-answer" },
    h("li", {}, h("strong", {}, `Method: ${series.method}`), ` (${series.reason}).`),
    rightnessWords(series, answer.grain).map((sentence) => h("li", {}, sentence)),
    h("li", { class: "muted" }, `Made ${moment(answer.run.issued_at)} from figures of data version ${count(answer.run.data_version)}.`),
  );
}

function pointsTable(answer, series) {
  const shown = (value) => fullWords(value, { unit: answer.unit });
  return h(
    "details",
    { class: "definitions wide" },
    h("summary", { "data-focus": "points" }, "All values"),
    table({
      caption: `Forecast of ${answer.title}, ${seriesWords(series)}`,
      rows: series.points,
      columns: [
        { key: "period", label: "Period", head: true, format: (text) => aheadWords(answer, text) },
        { key: "point", label: "Forecast", number: true, format: shown },
        { key: "quantiles", label: "With 90 %", number: true, format: (quantiles) => `${shown(quantiles[0])} – ${shown(quantiles.at(-1))}` },
        { key: "naive", label: "Repeated", number: true, format: shown, title: "What repeating the last season says" },
      ],
    }),
  );
}

function seriesTable(view, answer, selected) {
  const shown = (value) => fullWords(value, { unit: answer.unit });
  const scored = (row) => rightness(row, answer.grain);
  const sum = (points) => (points.some(({ point }) => point === null) ? null : points.reduce((total, { point }) => total + point, 0));
  const link = (row) =>
    row.is_rest || answer.by.length === 0
      ? seriesWords(row)
      : h("button", { type: "button", class: "link", "data-focus": `series-${seriesWords(row)}`, "aria-pressed": String(row === selected), onclick: () => view.set({ series: JSON.stringify(row.key) }) }, seriesWords(row));
  const page = Math.min(Math.max(1, Math.ceil(answer.data.length / SIZE)), Math.max(1, Number(view.get("page")) || 1));
  const more = answer.groups > answer.data.length && h("p", { class: "muted" }, `The largest ${count(answer.data.length)} of ${count(answer.groups)} series; the API has up to 1,000 at a time, and each by a filter.`);
  return [
    table({
      caption: `Forecasts of ${answer.title}`,
      rows: answer.data.slice((page - 1) * SIZE, page * SIZE),
      rowClass: (row) => (row === selected ? "selected" : null),
      columns: [
        { key: "key", label: "Series", head: true, node: (_, row) => link(row) },
        { key: "next", label: "Next", number: true, format: (_, { points }) => shown(points[0]?.point ?? null), title: "Forecast of the next period" },
        { key: "mean", label: `Mean of ${answer.data[0].points.length}`, number: true, format: (_, { points }) => shown(sum(points) === null ? null : sum(points) / points.length), title: "Mean forecast over all periods ahead" },
        { key: "method", label: "Method", node: (method, row) => [method, row.naive_since && [" ", badge("Set back", "warn")]], title: "Chosen by the back-test at each fit; a series that loses to repeating the last season for four weeks is set back to it" },
        { key: "error", label: "Error", number: true, node: (_, row) => h("span", { class: scored(row) && isWorse(scored(row)) ? "problem" : null }, share(scored(row)?.error)), title: "Sum of absolute errors per sum of actuals: of issued forecasts, or in the back-test as long as none was scored" },
        { key: "naive", label: "Repeated", number: true, format: (_, row) => share(scored(row)?.naive_error), title: "The same error of repeating the last season" },
        { key: "coverage", label: "In 90 % band", number: true, format: (_, row) => share(scored(row)?.coverage_90, 0), title: "Share of what came true that was within the band" },
      ],
    }),
    answer.data.length > SIZE && pager({ page, size: SIZE, total: answer.data.length, caption: "the series", onPage: (wanted) => view.set({ page: wanted === 1 ? null : wanted }) }),
    more,
  ];
}

function accuracy(found) {
  if (Number(found.total.forecasts) === 0) {
    const { backtest } = found;
    const known = backtest && backtest.error !== null;
    return message("clock", "No forecast was scored yet", known ? `The first are when their periods are over. In the back-test of the level, forecasts were off by ${share(backtest.error)}; repeating the last season: ${share(backtest.naive_error)}.` : "The first are when their periods are over.");
  }
  const columns = (first) => [
    first,
    { key: "forecasts", label: "Forecasts", number: true, format: count },
    { key: "error", label: "Error", number: true, node: (_, row) => h("span", { class: isWorse(row) ? "problem" : null }, share(row.error)), title: "Sum of absolute errors per sum of actuals" },
    { key: "naive_error", label: "Repeated", number: true, format: (value) => share(value), title: "The same of repeating the last season" },
    { key: "value_added", label: "Better by", number: true, format: (value) => share(value, 0), title: "How much lower the error was than that of repeating the last season" },
    { key: "bias", label: "Bias", number: true, format: (value) => share(value), title: "Above 0 where forecasts were too high" },
    { key: "coverage_90", label: "In 90 % band", number: true, format: (value) => share(value, 0) },
    { key: "tracking_signal", label: "Leaning", number: true, format: (value) => decimal(value, 1), title: "Sum of errors in mean absolute errors (tracking signal): far from 0 where forecasts lean to one side" },
  ];
  const period = { key: "first_period", label: "Days", head: true, format: (start, { last_period: end }) => (start === end ? periodWords(start, found.grain) : `${day(start)} – ${day(end)}`) };
  const steps = { key: "first_step", label: "Ahead", head: true, format: (first, { last_step: last }) => `${first === last ? first : `${first} to ${last}`} ${first === last && first === 1 ? found.grain : `${found.grain}s`}` };
  return [
    h("h3", { class: "chart-title" }, "Over time"),
    table({ caption: "Accuracy over time", rows: found.over_time, columns: columns(period) }),
    h("h3", { class: "chart-title" }, "By how far ahead"),
    table({ caption: "Accuracy by periods ahead", rows: found.by_steps, columns: columns(steps).slice(0, -1) }),
  ];
}

function pointRows({ data: [series], probabilities }) {
  const quantiles = probabilities.map((probability) => `q${String(100 * probability).padStart(2, "0")}`);
  return {
    columns: ["period", "point", ...quantiles, "naive", "actual"].map((key) => ({ key })),
    rows: series.points.map((point) => ({ ...point, ...Object.fromEntries(quantiles.map((name, i) => [name, point.quantiles[i]])) })),
  };
}

function seriesRows({ data, by }) {
  return {
    columns: [...by, "method", "error", "naive_error", "coverage_90"].map((key) => ({ key })),
    rows: data.map((row) => ({ ...row.key, method: row.method, ...(row.tracked ?? row.backtest) })),
  };
}
