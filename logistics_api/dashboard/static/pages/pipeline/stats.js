// Ingestion statistics: totals, waiting work, failures, loading speed and freshness of the figures.

import { h } from "../../dom.js";
import { bytes, compact, count, decimal, moment, percent } from "../../format.js";
import { icon } from "../../icons.js";
import { datasetWords } from "../../datasets.js";
import { kpi } from "../../components/kpi.js";
import { panel } from "../../components/panel.js";
import { table } from "../../components/table.js";
import { badge } from "../../components/badges.js";
import { atIngest } from "./news.js";
import { progress } from "./states.js";

const request = () => "/api/ingestion/stats";
const total = (datasets, of) => datasets.reduce((sum, row) => sum + of(row), 0);

function statsPanel(view, options) {
  const section = panel(view, { live: null, request, ...options });
  atIngest(view, section.renew);
  view.atNews(section.renew);
  return section;
}

export function keyFigures(view) {
  return statsPanel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "6.5rem",
    csv: ({ datasets }) => ({ columns: ["dataset", "read", "loaded", "superseded", "rejected"].map((key) => ({ key })), rows: datasets.map((row) => ({ dataset: row.dataset, ...row.records })) }),
    render: ({ datasets, failed, unrecognised_files: unrecognised, waiting, recent_loads: recent, analytics }) => {
      const read = total(datasets, ({ records }) => records.read);
      const rejected = total(datasets, ({ records }) => records.rejected);
      const trouble = [failed.count && `${count(failed.count)} failed`, unrecognised && `${count(unrecognised)} not recognised`].filter(Boolean);
      return h(
        "div",
        { class: "kpis small" },
        kpi({ label: "Files loaded", value: count(total(datasets, ({ files }) => files.loaded)), versus: trouble.join(", ") || "none failed" }),
        kpi({ label: "Records loaded", value: compact(total(datasets, ({ records }) => records.loaded)), versus: `of ${compact(read)} read` }),
        kpi({ label: "Rejected", value: count(rejected), versus: read ? `${percent((100 * rejected) / read, 2)} of those read` : "nothing read yet" }),
        kpi({ label: "Waiting", value: count(waiting.files), unit: waiting.files === 1 ? "file" : "files", versus: waiting.batches ? `${count(waiting.batches)} batches for a refresh` : "no batch for a refresh" }),
        kpi({ label: "Load rate", value: compact(recent.records_per_second), unit: "records/s", versus: recent.files ? `${bytes(recent.bytes_per_second)}/s, last ${count(recent.files)} files` : "nothing loaded yet" }),
        kpi({ label: "Figures", value: count(analytics.data_version), unit: "version", versus: analytics.is_calculating ? "being refreshed" : analytics.last_calculated_at ? moment(analytics.last_calculated_at) : "never computed" }),
      );
    },
  });
}

export function datasetsPanel(view) {
  const number = (key, label, of) => ({ key, label, number: true, format: (_, row) => of(row) });
  return statsPanel(view, {
    title: "By dataset",
    className: "span-8",
    placeholder: "12rem",
    empty: ({ datasets }) => (datasets.length ? null : "No file has arrived yet"),
    csv: ({ datasets }) => ({ columns: ["dataset", "registered", "loading", "loaded", "failed", "unloaded", "read", "rejected", "bytes"].map((key) => ({ key })), rows: datasets.map((row) => ({ ...row, ...row.files, ...row.records })) }),
    render: ({ datasets }) =>
      table({
        caption: "Files and records by dataset",
        rows: datasets,
        columns: [
          { key: "dataset", label: "Dataset", head: true, format: datasetWords },
          { key: "files", label: "Files", node: (files) => h("div", { class: "chips" }, filesOf(files)) },
          number("read", "Read", ({ records }) => count(records.read)),
          number("loaded", "=\u00a0Loaded", ({ records }) => count(records.loaded)),
          number("superseded", "+\u00a0Superseded", ({ records }) => count(records.superseded)),
          number("rejected", "+\u00a0Rejected", ({ records }) => count(records.rejected)),
          { key: "bytes", label: "Size", number: true, format: bytes },
        ],
      }),
  });
}

const filesOf = (files) =>
  [
    [files.loaded, "loaded", "good"],
    [files.loading, "loading", "accent"],
    [files.registered, "waiting", "accent"],
    [files.failed, "failed", "bad"],
    [files.unloaded, "unloaded", null],
  ]
    .filter(([number]) => number > 0)
    .map(([number, words, tone]) => badge(`${count(number)} ${words}`, tone));

export function nowPanel(view) {
  return statsPanel(view, {
    title: "Now",
    className: "span-4",
    placeholder: "12rem",
    csv: null,
    render: (stats) => [loading(view, stats.loading), trouble(stats.analytics), facts(stats)],
  });
}

function loading(view, files) {
  if (files.length === 0) return h("p", { class: "muted" }, "Nothing is being loaded.");
  return h(
    "ul",
    { class: "loads", "aria-label": "Being loaded" },
    files.map((file) => h("li", {}, h("button", { type: "button", class: "link", "data-focus": `load-${file.file_id}`, onclick: () => view.set({ file: file.file_id }) }, file.path), progress(file))),
  );
}

const trouble = ({ error_message: error }) => error && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, `The last refresh of the figures failed: ${error}`));

function facts({ waiting, recent_loads: recent, last_run: run, analytics }) {
  const entries = {
    "Files waiting": waiting.files ? `${count(waiting.files)}, since ${moment(waiting.oldest_registered_at)}` : "None",
    "Batches waiting": waiting.batches ? `${count(waiting.batches)}, since ${moment(waiting.oldest_committed_at)}` : "None",
    "Figures computed": [moment(analytics.last_calculated_at), analytics.full_refresh_due && ", next time every day"],
    "Refresh took": analytics.seconds === null ? "–" : `${decimal(analytics.seconds, 2)} s`,
    "A file takes": recent.median_seconds === null ? "–" : `${decimal(recent.median_seconds, 2)} s, at most ${decimal(recent.longest_seconds, 2)} s`,
    "Last run": run === null ? "No Dagster run yet" : [h("a", { href: run.run_url, target: "_blank", rel: "noopener" }, moment(run.started_at)), `, ${count(run.loaded)} of ${count(run.files)} files`, run.failed > 0 && `, ${count(run.failed)} failed`],
  };
  return h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, [value].flat().filter(Boolean)))));
}
