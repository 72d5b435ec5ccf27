// One source: its resources, its pulls with their pages, and the definition in force.

import { h } from "../dom.js";
import { get, url } from "../api.js";
import { bytes, count, decimal, moment } from "../format.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { PULL_STATES, atSources, length, pullButton, stateBadge, stateWords, trouble } from "../sources.js";
import { resourcesTable } from "./sources.js";
import { badge } from "../components/badges.js";
import { parameterSelect } from "../components/choices.js";
import { openDialog } from "../components/dialogs.js";
import { morePanel } from "../components/more.js";
import { panel } from "../components/panel.js";
import { table } from "../components/table.js";
import { keepTimes, when } from "../components/times.js";

export const title = (view) => view.arguments.join("/");
export const ranged = false;

const PULLS = 20;
const PAGES = 50;

export function build(view) {
  const name = title(view);
  const address = `/api/sources/${encodeURIComponent(name)}`;
  let isBusy = false;
  const resources = panel(view, {
    title: "Resources",
    request: () => address,
    live: null,
    placeholder: "14rem",
    csv: (source) => ({ columns: ["resource", "dataset", "mode", "schedule", "state", "last_success_at", "next_pull_at", "behind_seconds"].map((key) => ({ key })), rows: source.resources }),
    render: (source) => {
      isBusy = source.resources.some(({ state, pending_request: pending }) => state === "running" || pending);
      return [headOf(view, source, renew), source.resources.length > 0 && resourcesTable(source, (row) => pullButton(view, name, row.resource, { pending: row.pending_request !== null, told: renew }))];
    },
  });
  const pulls = pullsPanel(view, name, address);
  const definition = definitionPanel(view, address);
  function renew() {
    resources.renew();
    pulls.keepLength();
    pulls.renew();
    definition.renew();
  }
  atSources(view, renew, () => isBusy);
  view.atNews(renew);
  keepTimes(view, resources);
  keepTimes(view, pulls);
  followPull(view, address);
  return h("div", { class: "grid" }, resources, pulls, definition);
}

function headOf(view, source, renew) {
  const problem = source.problem && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, source.problem, source.is_in_force && " The definition that was valid before stays in force."));
  const words = [source.title !== source.source && source.title, source.url, source.description].filter(Boolean).join(" · ");
  const gone = !source.is_in_force && !source.problem && h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, "There is no definition of this source any more: it is not pulled. Its pulls are kept."));
  return [h("div", { class: "source-head" }, h("p", { class: "muted" }, words), source.is_in_force && source.resources.length > 0 && pullButton(view, source.source, null, { told: renew })), problem, gone];
}

function pullsPanel(view, name, address) {
  const fresh = { pulls: null };
  let known = [];
  const chosen = () => view.get("resource");
  const section = morePanel(view, {
    title: "Pulls",
    subtitle: "Newest first; records in pages = landed + not mapped",
    placeholder: "20rem",
    live: null,
    name: "pulls",
    size: PULLS,
    path: `${address}/pulls`,
    parameters: () => ({ resource: chosen(), state: view.get("state") }),
    actions: [
      parameterSelect(view, { label: "State", name: "state", also: fresh, options: { "": "Any state", ...Object.fromEntries(PULL_STATES.map((state) => [state, stateWords(state)])) } }),
      resourceFilter(view, fresh, address),
    ],
    items: ({ items }) => items,
    more: "Load older",
    empty: () => (chosen() || view.get("state") ? "No pulls match" : "Nothing was pulled yet"),
    csv: (rows) => ({ columns: CSV, rows: rows.map((row) => ({ ...row, ...row.records, file: row.file?.path })) }),
    list: (rows) => {
      known = rows;
      return table({ caption: "Pulls, newest first", rows: known, columns: pullColumns(view, name), rowClass: (row) => (String(row.pull_id) === view.get("pull") ? "selected" : null), detail: trouble });
    },
  });
  return section;
}

const CSV = ["pull_id", "resource", "dataset", "state", "started_at", "finished_at", "pages", "read", "landed", "unmapped", "requests", "retries", "rate_limited", "bytes", "seconds", "seconds_waited", "seconds_retrying", "lag_seconds", "file", "error_kind", "error"].map((key) => ({ key }));

/** A choice among the resources, which are not known at once. */
function resourceFilter(view, fresh, address) {
  const host = h("span", {});
  get(address)
    .then(({ resources }) => resources.length > 1 && host.append(parameterSelect(view, { label: "Resource", name: "resource", also: fresh, options: { "": "Any resource", ...Object.fromEntries(resources.map(({ resource, title: words }) => [resource, words])) } })))
    .catch(() => {}); // the panel of the resources says what is wrong
  return host;
}

const pullColumns = (view, name) => [
  { key: "pull_id", label: "Pull", head: true, node: (id) => pullLink(view, name, id) },
  { key: "resource", label: "Resource" },
  { key: "state", label: "State", node: (state, row) => h("div", { class: "chips" }, stateBadge(state), row.warnings.length > 0 && badge("Warning", "warn"), row.is_backfill && badge("Backfill"), row.attempts > 1 && badge(`${count(row.attempts)} attempts`)) },
  { key: "pages", label: "Pages", number: true, format: count },
  { key: "read", label: "Records", number: true, format: (_, { records }) => count(records.read) },
  { key: "landed", label: "=\u00a0Landed", number: true, format: (_, { records }) => count(records.landed) },
  { key: "unmapped", label: "+\u00a0Not mapped", number: true, format: (_, { records }) => count(records.unmapped) },
  { key: "requests", label: "Requests", number: true, format: (value, { retries }) => (retries ? `${count(value)}, ${count(retries)} again` : count(value)) },
  { key: "bytes", label: "Size", number: true, format: bytes },
  { key: "seconds", label: "Took", number: true, format: (value) => `${decimal(value, value < 10 ? 2 : 0)} s` },
  { key: "started_at", label: "Started", node: (value, row) => [when(value), row.run_url && h("a", { class: "run", href: row.run_url, target: "_blank", rel: "noopener", title: "Dagster run", "aria-label": `Dagster run of pull ${row.pull_id}` }, icon("external"))] },
];

function pullLink(view, name, id) {
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    view.set({ pull: id });
  };
  return h("a", { href: href("sources", [name], { pull: id }), "data-focus": `pull-${id}`, onclick: open }, count(id));
}

/** Opens the pull that the address names (`pull`) and closes it when it names none. */
function followPull(view, address) {
  let shown = null;
  let content = null;
  const close = () => content?.closest("dialog")?.close();
  const update = async () => {
    const id = view.get("pull");
    if (id === shown) return;
    shown = id;
    close();
    content = null;
    if (!/^[1-9]\d{0,17}$/.test(id ?? "")) return;
    content = h("div", { class: "drawer-panels" }, accountPanel(view, id, address), pagesPanel(view, id, address));
    await openDialog({ title: `Pull ${id}`, content, drawer: true });
    if (shown === id && view.get("pull") === id) {
      shown = null;
      view.set({ pull: null, pages: null }, { replace: true }); // the way back does not open it again
      document.querySelector(`[data-focus="pull-${CSS.escape(id)}"]`)?.focus();
    }
  };
  view.follow(update);
  view.atEnd(() => {
    shown = undefined;
    close();
  });
  update();
}

function accountPanel(view, id, address) {
  let isRunning = false;
  const isShown = () => view.get("pull") === id;
  const section = panel(view, {
    title: "Account",
    className: "bare-head",
    placeholder: "16rem",
    live: null,
    active: isShown,
    request: () => url(`${address}/pulls/${id}`, { limit: 1 }),
    render: ({ pull }) => {
      isRunning = pull.state === "running";
      return [h("div", { class: "file-heading" }, h("h3", { class: "mono" }, pull.resource), h("div", { class: "chips" }, stateBadge(pull.state), pull.is_backfill && badge("Backfill"))), trouble(pull), pull.warnings.map((words) => h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, words))), balance(pull), unmapped(pull), facts(pull), links(pull)];
    },
  });
  atSources(view, section.renew, () => isRunning && isShown());
  return section;
}

function balance({ records: { read, landed, unmapped: missing }, file }) {
  const part = (sign, words, value) => [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("div", {}, h("dt", {}, words), h("dd", {}, count(value)))];
  if (landed === null) return null;
  const isBalanced = read === landed + missing;
  const loaded = file?.records;
  return [
    h("dl", { class: "balance", "aria-label": isBalanced ? "Balanced" : "Not balanced" }, h("div", {}, h("dt", {}, "In pages"), h("dd", {}, count(read))), part(isBalanced ? "=" : "≠", "Landed", landed), part("+", "Not mapped", missing)),
    loaded && h("dl", { class: "balance", "aria-label": "What became of its file" }, h("div", {}, h("dt", {}, "Read by the load"), h("dd", {}, count(loaded.read))), part("=", "Loaded", loaded.loaded), part("+", "Superseded", loaded.superseded), part("+", "Rejected", loaded.rejected)),
  ];
}

function unmapped({ unmapped: reasons }) {
  if (!reasons) return null;
  const rows = Object.entries(reasons).map(([reason, number]) => ({ reason, number }));
  return [h("h3", {}, "Not mapped"), table({ caption: "Records that were not mapped, by reason", rows, columns: [{ key: "reason", label: "Reason", head: true, wrap: true }, { key: "number", label: "Records", number: true, format: count }] })];
}

function facts(pull) {
  const entries = {
    Dataset: pull.dataset ?? "–",
    Mode: pull.mode,
    Window: pull.window_start || pull.window_end ? `${pull.window_start ? moment(pull.window_start) : "The beginning"} to ${moment(pull.window_end)}` : "Everything",
    Pages: count(pull.pages),
    Requests: count(pull.requests),
    "Asked again": count(pull.retries),
    "Asked to slow down": count(pull.rate_limited),
    Size: bytes(pull.bytes),
    Took: length(pull.seconds),
    "Waited for limits": length(pull.seconds_waited),
    "Spent on retries": length(pull.seconds_retrying),
    Attempts: count(pull.attempts),
    "Total by the source": count(pull.records.expected),
    Vanished: count(pull.records.vanished),
    "Newest record": moment(pull.newest_record_at),
    "Its age then": length(pull.lag_seconds),
    Started: moment(pull.started_at),
    Finished: moment(pull.finished_at),
  };
  return h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))), pull.file && h("div", { class: "whole" }, h("dt", {}, "File"), h("dd", { class: "mono" }, pull.file.path)));
}

function links({ file, run_url: run }) {
  return h(
    "div",
    { class: "chips" },
    file?.file_id && h("a", { class: "button", href: href("pipeline", [], { file: file.file_id }) }, icon("file"), "Its file"),
    run && h("a", { class: "button", href: run, target: "_blank", rel: "noopener" }, icon("external"), "Dagster run"),
  );
}

function pagesPanel(view, id, address) {
  return morePanel(view, {
    title: "Pages",
    subtitle: "As they were fetched; the archive keeps each one as received",
    live: null,
    name: "pages",
    size: PAGES,
    active: () => view.get("pull") === id,
    path: `${address}/pulls/${id}`,
    parameters: () => ({}),
    items: ({ items }) => items,
    more: "Load more",
    empty: "It has fetched no page yet",
    csv: (rows) => ({ columns: ["part", "number", "parent", "method", "url", "status", "received_at", "seconds", "attempts", "bytes", "sha256", "records", "first_record", "total"].map((key) => ({ key })), rows }),
    list: (rows) => table({ caption: "Pages in the order in which they were fetched", rows, columns: PAGE_COLUMNS }),
  });
}

const PAGE_COLUMNS = [
  { key: "number", label: "Page", head: true, format: (number, { part, parent }) => [part > 0 || parent !== null ? `${parent ?? part}: ` : "", count(number)].join("") },
  { key: "url", label: "Request", wrap: true, node: (address, { method, sha256: digest }) => h("span", { class: "mono", title: `SHA-256 ${digest}` }, `${method} ${address}`) },
  { key: "status", label: "Status", number: true },
  { key: "records", label: "Records", number: true, format: count },
  { key: "bytes", label: "Size", number: true, format: bytes },
  { key: "seconds", label: "Took", number: true, format: (value) => `${decimal(value, 2)} s` },
  { key: "attempts", label: "Attempts", number: true, format: count },
];

function definitionPanel(view, address) {
  return panel(view, {
    title: "Definition in force",
    subtitle: "Secrets are references: their values are in no definition",
    live: null,
    request: () => address,
    empty: ({ definition }) => (definition === null ? "Its definition was never valid" : null),
    render: ({ definition, sha256: digest, read_at: at }) => [h("p", { class: "muted" }, `Read ${moment(at)}, SHA-256 `, h("span", { class: "mono" }, digest.slice(0, 16))), h("pre", { class: "definition", tabindex: "0", "aria-label": "Definition" }, JSON.stringify(definition, null, 2))],
  });
}
