// All sources: what is pulled, when it was last, when it is next, how far it is, and what is wrong.

import { h } from "../dom.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { DATASETS, datasetWords } from "../datasets.js";
import { href } from "../router.js";
import { atSources, length, pullButton, stateBadge, trouble } from "../sources.js";
import { badge } from "../components/badges.js";
import { message, panel } from "../components/panel.js";
import { table } from "../components/table.js";
import { keepTimes, when } from "../components/times.js";

export const title = () => "Sources";
export const ranged = false;

// The files of the dashboard name no address of another machine, not even as an example.
const EXAMPLE = `kind: rest
baseUrl: https:${"//"}api.example.com/v1
authentication: {type: bearer, token: env:FLEET_TOKEN}
resources:
  - name: trips
    dataset: vehicle_logs
    path: /trips
    records: data
    schedule: every 15m`;

export function build(view) {
  let isBusy = false;
  const section = panel(view, {
    title: "Sources",
    subtitle: "Other systems that data are pulled from by themselves",
    request: () => "/api/sources",
    live: null,
    placeholder: "20rem",
    csv: ({ sources }) => ({ columns: COLUMNS, rows: sources.flatMap(rowsOf) }),
    render: ({ sources }) => {
      isBusy = sources.some(({ resources }) => resources.some(({ state, pending_request: pending }) => state === "running" || pending));
      return sources.length ? sources.map((source) => sourceNode(view, source, () => section.renew())) : none();
    },
  });
  atSources(view, section.renew, () => isBusy);
  view.atNews(section.renew);
  keepTimes(view, section);
  return h("div", { class: "grid" }, section);
}

const COLUMNS = ["source", "resource", "dataset", "state", "schedule", "last_success_at", "next_pull_at", "behind_seconds", "pages", "records", "error", "advice"].map((key) => ({ key }));
const rowsOf = ({ source, resources }) => resources.map((row) => ({ ...row, source, ...row.totals, error: row.latest_pull?.error, advice: row.latest_pull?.advice }));

/** What to do to have one. */
function none() {
  return message(
    "cloud",
    "There are no sources yet",
    "A source is one YAML file in the folder sources of the data folder. It takes effect within seconds, without a restart.",
    h("pre", { class: "example", tabindex: "0", "aria-label": "A definition of a source" }, EXAMPLE),
    h("p", {}, "The command ", h("code", {}, "logistics sources add URL"), " proposes one by looking at a first response."),
  );
}

function sourceNode(view, source, renew) {
  const problem = source.problem && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, source.problem, source.is_in_force && " The definition that was valid before stays in force."));
  const pending = source.resources.length > 0 && source.resources.every(({ pending_request: each }) => each !== null);
  return h(
    "section",
    { class: "source", "aria-label": source.title },
    h(
      "div",
      { class: "source-head" },
      h("div", {}, h("h3", {}, h("a", { href: href("sources", [source.source]), "data-focus": `source-${source.source}` }, source.title), !source.is_in_force && [" ", badge("Not in force", "bad")]), h("p", { class: "muted" }, facts(source))),
      (source.resources.length > 0 || (source.kind === "files" && source.is_in_force)) && pullButton(view, source.source, null, { pending, told: renew }),
    ),
    problem,
    source.resources.length > 0 && resourcesTable(source),
    source.kind === "files" && h("p", { class: "muted" }, "A place of files: Dagster looks for new ones by itself, and loads them like those of the raw folder. ", source.place ? placeWords(source.place) : "It has not been looked at yet."),
    source.place?.error && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, source.place.error)),
  );
}

const placeWords = ({ files, looked_at: last, next_look_at: next }) => [files !== null && `${count(files)} files. `, last && ["Last look ", when(last), ". "], next && ["Next look ", when(next), "."]];

const facts = ({ source, title: words, url, description }) => [words !== source && source, url, description].filter(Boolean).join(" · ");

/** `3: timeout`, or `3: 2 timeout, 1 authentication`. The ledger keeps the kinds of failures, the words of the last one only until a pull goes on. */
function failures({ failures: all, failures_by_kind: kinds }) {
  const found = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const words = found.map(([kind, times]) => `${found.length > 1 ? `${count(times)} ` : ""}${kind.replaceAll("_", " ")}`);
  return all === 0 ? count(0) : `${count(all)}: ${words.join(", ")}`;
}

/** The resources of a source, a line for each. */
export function resourcesTable(source, actions = null) {
  const columns = [
    { key: "title", label: "Resource", head: true, node: (words, row) => h("a", { href: href("sources", [source.source], { resource: row.resource }), "data-focus": `resource-${source.source}-${row.resource}` }, words) },
    { key: "state", label: "State", node: (state, row) => h("div", { class: "chips" }, stateBadge(state), row.latest_pull?.warnings.length > 0 && badge("Warning", "warn"), row.pending_request && badge("Requested", "accent")) },
    { key: "dataset", label: "Dataset", node: (name) => (name === null ? "–" : DATASETS[name] ? h("a", { href: href("data", [name]) }, datasetWords(name)) : name) },
    { key: "last_success_at", label: "Last success", node: when },
    { key: "next_pull_at", label: "Next pull", node: (text, row) => (text ? when(text) : row.schedule ? "–" : "On request"), title: "By its schedule, or when a paused or failed pull goes on" },
    { key: "behind_seconds", label: "Behind", number: true, format: length, title: "Time since the moment up to which everything was read: what has changed at the source since then is not here yet" },
    { key: "pages", label: "Pages", number: true, format: (_, { totals }) => count(totals.pages), title: "Of all pulls" },
    { key: "records", label: "Records", number: true, format: (_, { totals }) => count(totals.records), title: "Of all pulls, with those that were pulled again" },
    { key: "failures", label: "Failures", number: true, format: (_, { totals }) => failures(totals), title: "Times that a pull has failed, and why; it goes on at its page" },
    actions && { key: "resource", label: "Action", node: (_, row) => actions(row) },
  ].filter(Boolean);
  return table({
    caption: `Resources of ${source.title}`,
    rows: source.resources,
    columns,
    detail: (row) => row.latest_pull && trouble(row.latest_pull),
  });
}
