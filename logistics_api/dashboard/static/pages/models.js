// What is learnt from the records: which version is in use and how it did in its back-test, how right it was since, what is likely late, what is odd and why, and what became of its versions.

import { h } from "../dom.js";
import { url } from "../api.js";
import * as events from "../events.js";
import { ago, count, day, decimal, moment, percent } from "../format.js";
import { icon } from "../icons.js";
import { badge } from "../components/badges.js";
import { message, panel } from "../components/panel.js";
import { table } from "../components/table.js";

export const title = () => "Models";
export const ranged = false;

const ALL = "/api/models";
const SHOWN = 100;
const share = (value, digits = 1) => (value === null || value === undefined ? "–" : percent(100 * value, digits));
const TONES = { production: "good", staging: "accent", archived: null, registered: null };
const below = (model, path, parameters = {}) => url(`${ALL}/${encodeURIComponent(model.model)}${path}`, parameters);

export function build(view) {
  let models = null;
  const chosen = () => models?.find(({ model }) => model === view.get("model")) ?? models?.[0] ?? null;
  const of = (kind) => () => (chosen()?.kind === kind ? chosen() : null);
  const duration = of("duration");
  const odd = of("odd_values");
  const choice = panel(view, {
    title: "Model",
    className: "question-panel",
    live: null,
    request: () => ALL,
    placeholder: "6rem",
    render: ({ models: found }) => {
      models = found;
      queueMicrotask(() => {
        choose();
        parts.forEach((part) => part.renew());
      });
      return chosen() === null ? nothing() : choices(view, found, chosen());
    },
  });
  const card = panel(view, {
    title: "In use",
    live: null,
    request: () => (chosen()?.champion ? below(chosen(), `/versions/${chosen().champion.version}`) : null),
    placeholder: "14rem",
    render: (version) => cardOf(version, chosen()),
  });
  const late = panel(view, {
    title: "Likely late",
    subtitle: "On their way, the riskiest first",
    live: null,
    caption: () => "",
    request: () => (duration() ? below(duration(), "/predictions", { limit: SHOWN }) : null),
    placeholder: "10rem",
    empty: ({ total }) => (total ? null : "Nothing is on its way: all records have their value"),
    csv: ({ predictions }) => ({ columns: ["key", "started_on", "late_risk", "promise", "likely"].map((key) => ({ key })), rows: predictions.map((row) => ({ ...row, key: row.key.join(" "), likely: row.quantiles[middle(row)] })) }),
    render: (found) => lateTable(found, unitOf(duration()), duration()?.declaration.by ?? []),
  });
  const right = panel(view, {
    title: "How right it was",
    subtitle: "Predictions whose truth has arrived, by week in which records began",
    live: null,
    caption: () => "",
    request: () => (duration() ? below(duration(), "/accuracy") : null),
    placeholder: "10rem",
    empty: ({ weeks }) => (weeks.length ? null : "No prediction was scored yet: the first are when new records are finished"),
    render: ({ weeks }) => accuracyTable(weeks, unitOf(duration())),
  });
  const strange = panel(view, {
    title: "Odd",
    subtitle: "Records of the last 90 days, and groups of the last 28",
    live: null,
    caption: () => "",
    request: () => (odd() ? below(odd(), "/odd", { limit: SHOWN }) : null),
    placeholder: "10rem",
    empty: ({ total }) => (total ? null : "Nothing is odd"),
    csv: ({ odd_values: rows }) => ({ columns: ["subject", "key", "day", "actual", "expected", "effect", "reason"].map((key) => ({ key })), rows: rows.map((row) => ({ ...row, key: row.key.join(" ") })) }),
    render: oddTable,
  });
  const history = panel(view, {
    title: "Versions",
    subtitle: "Every change, who made it, and why",
    live: null,
    caption: () => "",
    request: () => (chosen() ? below(chosen(), "/history", { limit: 50 }) : null),
    placeholder: "10rem",
    empty: ({ transitions }) => (transitions.length ? null : "No version has been trained yet"),
    render: historyTable,
  });
  const parts = [card, late, right, strange, history];
  /** Only the panels of the kind of the model. */
  const choose = () => {
    late.hidden = right.hidden = duration() === null;
    strange.hidden = odd() === null;
    card.hidden = !chosen()?.champion;
  };
  view.atEnd(events.on("models", () => choice.renew()));
  view.follow(choose);
  choose();
  return h("div", { class: "grid" }, choice, card, strange, late, right, history);
}

function nothing() {
  return message(
    "models",
    "Nothing is learnt yet",
    "A dataset has models if its contract asks for some. They are trained after the next refresh, once a hundred records are finished:",
    h("pre", { class: "example", tabindex: "0", "aria-label": "Models in a contract" }, "models:\n  - name: delivery_time\n    predicts: delivery_time\n    by: [origin, destination]"),
  );
}

function choices(view, found, model) {
  const list = h("select", { class: "input", "data-focus": "model", onchange: () => view.set({ model: list.value }) }, found.map((each) => h("option", { value: each.model, selected: each === model }, each.model)));
  return h(
    "div",
    { class: "filters" },
    h("label", { class: "field" }, "Model", list),
    model.champion === null
      ? h("p", { class: "note" }, icon("clock"), h("span", {}, "No version is in production. A version is trained once a hundred records are finished, and promoted by its back-test."))
      : h("p", { class: "muted" }, `Version ${model.champion.version}, trained ${ago(model.champion.created_at)} on ${count(model.champion.trained_on)} records of data version ${count(model.champion.data_version)}.`),
    model.is_held && h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, "It was rolled back: nothing is promoted by itself until somebody promotes a version.")),
  );
}

const unitOf = (model) => (model?.champion?.outputs?.unit ? ` ${model.champion.outputs.unit}` : "");
const number = (value) => (value === null || value === undefined ? "–" : decimal(value, Math.abs(value) < 10 ? 2 : 1));
/** As the asset check sees it: by 2 % or more. */
const isWorse = ({ error, naive_error: naive }) => error !== null && naive !== null && error > 1.02 * naive;
const middle = ({ quantiles }) => (quantiles.length - 1) / 2;

/** What the version is, how it did in its back-test, and what came true since. */
function cardOf(version, model) {
  const { card, backtest, outputs } = version;
  const unit = outputs.unit ? ` ${outputs.unit}` : "";
  const sentences = model?.kind === "duration" ? durationWords(backtest, model, unit) : oddWords(backtest);
  return [
    h("p", {}, card.purpose),
    h("ul", { class: "about-answer" }, h("li", {}, h("strong", {}, "Learnt from: "), card.data), h("li", {}, card.learnt.method), sentences.map((words) => h("li", {}, words)), driftWords(model).map((words) => h("li", { class: "problem" }, words)), card.limits.map((words) => h("li", { class: "muted" }, words))),
    backtest && windowsTable(backtest, model?.kind, unit),
    h("details", { class: "definitions wide" }, h("summary", { "data-focus": "inputs" }, "Inputs"), inputsTable(version.inputs)),
  ];
}

function durationWords(backtest, { tracked }, unit) {
  const { overall } = backtest;
  const words = [`In the back-test of ${count(backtest.records)} records it was off by ${number(overall.error)}${unit} on average; the median of the group: ${number(overall.naive_error)}${unit}. The 90 % intervals held ${share(overall.coverage_90, 0)}.`];
  if (tracked.predictions) words.push(`Of ${count(tracked.predictions)} predictions scored in the last 90 days: off by ${number(tracked.error)}${unit}, the median by ${number(tracked.naive_error)}${unit}; the 90 % intervals held ${share(tracked.coverage_90, 0)}. ${count(tracked.late)} were late, ${number(tracked.expected_late)} were expected to be.`);
  return words;
}

function oddWords({ overall }) {
  return [`In the back-test, ${count(overall.injected)} odd values were injected: ${share(overall.recall, 0)} of them were found, and ${share(overall.precision, 0)} of what was called odd was injected.`];
}

const driftWords = (model) => (model?.drift ?? []).filter(({ psi }) => psi > 0.25).map(({ input, psi, records }) => `The last ${count(records)} records are of another kind than those in training, by ${input} (population stability index ${decimal(psi, 2)}).`);

function windowsTable({ windows, compared }, kind, unit) {
  const days = { key: "first_day", label: "Records of", head: true, format: (first, { last_day: last }) => `${day(first)} – ${day(last)}` };
  const records = { key: "records", label: "Records", number: true, format: count };
  const rows = windows.map((each, i) => ({ ...each, before: compared?.[i]?.pinball ?? null }));
  const columns = kind === "duration"
    ? [
        { key: "error", label: "Error", number: true, node: (value, row) => h("span", { class: isWorse(row) ? "problem" : null }, `${number(value)}${unit}`), title: "Mean absolute error of the median" },
        { key: "naive_error", label: "Median of the group", number: true, format: (value) => `${number(value)}${unit}`, title: "The same error of the median of the group, as it was known when the window began" },
        { key: "pinball", label: "Pinball loss", number: true, format: number, title: "Mean loss of all quantiles: lower is better. It decides which method is used" },
        { key: "before", label: "Version before", number: true, format: number, title: "Pinball loss of the version that was in production then, on the same records" },
        { key: "coverage_90", label: "In 90 %", number: true, format: (value) => share(value, 0), title: "Share of what came true that was within the 90 % interval" },
      ]
    : [
        { key: "injected", label: "Injected", number: true, format: count, title: "Values that the back-test made odd" },
        { key: "called_odd", label: "Called odd", number: true, format: count },
        { key: "precision", label: "Right", number: true, format: (value) => share(value, 0), title: "How much of what was called odd was injected; whatever else is odd counts as wrong" },
        { key: "recall", label: "Found", number: true, format: (value) => share(value, 0), title: "How much of what was injected was called odd" },
      ];
  return [h("h3", { class: "chart-title" }, "Back-test"), table({ caption: "Back-test", rows, columns: [days, records, ...columns] })];
}

function inputsTable(inputs) {
  return table({
    caption: "Inputs of the model",
    rows: inputs,
    columns: [
      { key: "name", label: "Field", head: true },
      { key: "role", label: "For", format: (role) => ({ group: "what is alike", input: "what explains it", promise: "what was promised" })[role] ?? role },
      { key: "unit", label: "Unit", format: (unit) => unit ?? "–" },
      { key: "range", label: "In training", number: true, format: (range, { values }) => (range ? `${number(range[0])} – ${number(range[1])}` : values ? `${count(values)} values` : "–") },
    ],
  });
}

function lateTable({ predictions, total }, unit, by) {
  const shown = (value) => (value === null ? "–" : `${number(value)}${unit}`);
  return [
    table({
      caption: "Records on their way by their risk of being late",
      rows: predictions,
      columns: [
        { key: "key", label: "Record", head: true, format: (key) => key.join(" ") },
        { key: "started_on", label: "Began", format: day },
        ...by.slice(0, 3).map((name) => ({ key: name, label: name, format: (_, row) => String(row.inputs[name] ?? "–") })),
        { key: "late_risk", label: "Risk", number: true, node: (value) => (value === null ? "–" : badge(share(value, 0), value >= 0.5 ? "bad" : value >= 0.2 ? "warn" : null)), title: "Probability of taking longer than promised or, without a promise, than the mean of the group and an hour" },
        { key: "likely", label: "Likely", number: true, format: (_, row) => shown(row.quantiles[middle(row)]), title: "Median of what may come" },
        { key: "with", label: "With 90 %", number: true, format: (_, { quantiles }) => `${shown(quantiles[0])} – ${shown(quantiles.at(-1))}` },
        { key: "promise", label: "Promised", number: true, format: shown },
      ],
    }),
    total > predictions.length && h("p", { class: "muted" }, `The riskiest ${count(predictions.length)} of ${count(total)}; the API has up to 1,000.`),
  ];
}

function accuracyTable(weeks, unit) {
  return table({
    caption: "Accuracy of predictions by week",
    rows: weeks.toReversed(),
    columns: [
      { key: "week", label: "Week of", head: true, format: day },
      { key: "predictions", label: "Predictions", number: true, format: count },
      { key: "error", label: "Error", number: true, node: (value, row) => h("span", { class: isWorse(row) ? "problem" : null }, `${number(value)}${unit}`), title: "Mean absolute error of the median" },
      { key: "naive_error", label: "Median of the group", number: true, format: (value) => `${number(value)}${unit}`, title: "The same error of the median of the group" },
      { key: "bias", label: "Bias", number: true, format: number, title: "Above 0 where predictions were too high" },
      { key: "coverage_90", label: "In 90 %", number: true, format: (value) => share(value, 0) },
      { key: "late", label: "Late", number: true, format: (value, row) => `${count(value)} (${number(row.expected_late)} expected)` },
    ],
  });
}

function oddTable({ odd_values: rows, total }) {
  return [
    table({
      caption: "Odd values",
      rows,
      columns: [
        { key: "key", label: "Record or group", head: true, node: (key, { subject }) => [key.map((part) => part ?? "(no value)").join(" → "), subject === "group" && [" ", badge("Group", "warn")]] },
        { key: "day", label: "Day", format: day },
        { key: "effect", label: "Times usual", number: true, format: (value) => decimal(value, 2), title: "The value divided by what is usual" },
        { key: "reason", label: "Why", wrap: true },
      ],
    }),
    total > rows.length && h("p", { class: "muted" }, `The oddest ${count(rows.length)} of ${count(total)}; the API has up to 1,000.`),
  ];
}

function historyTable({ transitions }) {
  return table({
    caption: "Changes of versions",
    rows: transitions,
    columns: [
      { key: "changed_at", label: "When", head: true, format: moment },
      { key: "version", label: "Version", number: true, format: count },
      { key: "to_state", label: "Became", node: (state) => badge(state, TONES[state]) },
      { key: "author", label: "By" },
      { key: "backtest_id", label: "Back-test", number: true, format: (id) => (id === null ? "–" : `#${id}`) },
      { key: "reason", label: "Why", wrap: true },
    ],
  });
}
