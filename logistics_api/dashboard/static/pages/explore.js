// Any question about metrics: chosen in a form, kept in the address, answered as a chart and a table.

import { h } from "../dom.js";
import { dayRange } from "../format.js";
import { icon } from "../icons.js";
import { CATALOGUE, addressOf, described, readQuestion } from "../metrics.js";
import { rowsOf } from "../drilldown.js";
import { at } from "../root.js";
import { aboutAnswer, emptyWords, figureDetail } from "../components/answer.js";
import { answerTable, questionWords } from "../components/answertable.js";
import { menu } from "../components/menu.js";
import { CHARTS, answerCharts, chosenChart, fitting } from "../components/metricchart.js";
import { panel } from "../components/panel.js";
import { questionForm } from "../components/questionform.js";
import { saveButton } from "../components/saveview.js";
import { pager } from "../components/table.js";

export const title = () => "Explore";
export const ranged = false;

const SIZE = 25;
const FORMATS = { csv: "CSV", ndjson: "NDJSON", parquet: "Parquet" };
const MOST_IN_FILES = 10_000;

export function build(view) {
  let catalogue = null;
  const question = () => readQuestion((name) => view.get(name), catalogue);
  const address = () => (catalogue === null ? null : addressOf(question()));
  const form = panel(view, {
    title: "Question",
    className: "question-panel",
    request: () => CATALOGUE,
    placeholder: "9rem",
    render: (found) => {
      const isFirst = catalogue === null;
      catalogue = described(found);
      if (isFirst) queueMicrotask(() => [chartPanel, tablePanel].forEach((each) => each.refresh()));
      return questionForm(view, question(), catalogue);
    },
  });
  const parts = { question, address, known: () => catalogue?.[question().dataset] };
  const chartPanel = answerChart(view, parts);
  const tablePanel = answerRows(view, parts);
  return h("div", { class: "grid" }, form, chartPanel, tablePanel);
}

const caption = (question, answer) => {
  const range = answer?.range ?? question.days;
  return range ? dayRange(range.start, range.end) : "All records";
};

function answerChart(view, { question, address, known }) {
  let shown = null;
  let selected = null;
  const charts = chartSelect(view, question, known);
  return panel(view, {
    title: () => (known() ? questionWords(question(), known()) : "Answer"),
    caption: () => caption(question(), shown),
    request: () => {
      charts.update();
      return address();
    },
    placeholder: "20rem",
    actions: [charts, h("span", { class: "saved-to" }), saveButton(view, { question, known }), downloads(question)],
    empty: (answer) => emptyWords(answer, known()),
    render: (answer) => {
      if (shown !== answer) selected = null;
      shown = answer;
      const asked = question();
      const detail = h("div", { class: "selected-figure", role: "status" });
      const select = (row) => detail.replaceChildren(...figureDetail(asked, known(), answer, row));
      if (selected) select(selected);
      return [
        answerCharts(asked, known(), answer, {
          onSelect: (row) => select((selected = row)),
          rowsLink: (row) => rowsOf(asked, known(), answer, row).address,
        }),
        detail,
        aboutAnswer(asked, known(), answer),
      ];
    },
  });
}

function chartSelect(view, question, known) {
  const select = h("select", { class: "input", "aria-label": "Chart", onchange: () => view.set({ chart: select.value === "auto" ? null : select.value }) });
  const exact = h("input", { type: "checkbox", role: "switch", onchange: () => view.set({ exact: exact.checked ? "1" : null }) });
  const exactSwitch = h("label", { class: "switch" }, exact, "Exact");
  const host = h("div", { class: "chips" }, exactSwitch, select);
  host.update = () => {
    const dataset = known();
    if (!dataset) return;
    const asked = question();
    const all = fitting(asked, dataset);
    const chosen = chosenChart(asked, dataset);
    select.replaceChildren(...[["auto", `Auto: ${CHARTS[all[0]].toLowerCase()}`], ...all.map((name) => [name, CHARTS[name]])].map(([value, words]) => h("option", { value, selected: value === (asked.chart === chosen ? chosen : "auto") }, words)));
    exact.checked = asked.exact;
    exactSwitch.hidden = !asked.exact && !asked.metrics.some((name) => ["distinct", "quantile"].includes(dataset.metrics[name]?.aggregate));
  };
  return host;
}

function downloads(question) {
  const host = menu("Download the answer", () =>
    Object.entries(FORMATS).map(([format, words]) => h("a", { href: at(addressOf(question(), { format, limit: MOST_IN_FILES })), download: "" }, icon("download"), words)),
  );
  const button = host.querySelector("button");
  button.className = "button";
  button.replaceChildren(icon("download"), "Download");
  return host;
}

function answerRows(view, { question, address, known }) {
  return panel(view, {
    title: "Table",
    caption: () => caption(question()),
    request: address,
    placeholder: "20rem",
    empty: (answer) => (answer.data.length ? null : "Nothing to list"),
    csvWords: "CSV (these rows)",
    csv: ({ data, columns }) => ({ columns: columns.map(({ name }) => ({ key: name })), rows: data }),
    render: (answer) => {
      const asked = question();
      const last = Math.max(1, Math.ceil(answer.data.length / SIZE));
      const page = Math.min(last, Math.max(1, Number(view.get("page")) || 1));
      const shown = answer.data.slice((page - 1) * SIZE, page * SIZE);
      return [
        answerTable({
          question: asked, described: known(), answer, rows: shown, sort: sortOf(asked, answer),
          onSort: ({ by, order }) => view.set({ order: `${order === "desc" ? "-" : ""}${by}`, page: null }),
          linkOf: (row) => rowsOf(asked, known(), answer, row),
        }),
        answer.data.length > SIZE && pager({ page, size: SIZE, total: answer.data.length, onPage: (wanted) => view.set({ page: wanted === 1 ? null : wanted }) }),
      ];
    },
  });
}

function sortOf({ order, grain, by, metrics }) {
  if (order) return { by: order.replace(/^-/, ""), order: order.startsWith("-") ? "desc" : "asc" };
  if (grain !== null) return { by: "period", order: "asc" };
  return by.length ? { by: metrics[0], order: "desc" } : null;
}
