// Changes: who changed what, and what it was before. The audit log.

import { h } from "../dom.js";
import { url } from "../api.js";
import { moment } from "../format.js";
import { icon } from "../icons.js";
import { at } from "../root.js";
import { parameterSelect } from "../components/choices.js";
import { searchBox } from "../components/lists.js";
import { morePanel } from "../components/more.js";
import { table } from "../components/table.js";

export const title = () => "Changes";
export const ranged = false;

const AUDIT = "/api/audit";
const PAGE = 50;
/** Characters of a value that the table shows; the file has all of it. */
const LONGEST = 120;

const KINDS = {
  "": "All things",
  key: "API keys",
  person: "People",
  session: "Sign-ins",
  group: "Groups with some rows only",
  board: "Boards",
  alert_rule: "Alert rules",
  silence: "Silences",
  maintenance_window: "Maintenance windows",
  incident: "Incidents",
  contract_request: "Requests about contracts",
  contract: "Contracts",
  dataset: "Datasets",
  proposal: "Proposals",
  file_request: "Requests about files",
  file: "Files",
  history: "Histories",
  source: "Sources",
  pull_request: "Requests for pulls",
  link: "Links",
  link_proposal: "Proposals of links",
  model: "Models",
  model_version: "Versions of models",
  model_job: "Jobs of models",
  endpoint: "Endpoints",
  endpoint_templates: "Templates of endpoints",
  suppression: "Suppressions",
  message: "Messages",
  report: "Reports",
  preferences: "Preferences of people",
  push_subscription: "Browsers of people",
  audit_log: "This log",
};
const ACTORS = { key: "API key", person: "Signed in", anonymous: "Without a key", command_line: "Command line", process: "By itself", login: "Database login" };

export function build(view) {
  const filters = () => ({ kind: view.get("kind"), actor: view.get("actor"), object: view.get("object") });
  const list = morePanel(view, {
    title: "Changes",
    subtitle: "Who changed what, newest first; nothing of it can be changed",
    live: null,
    name: "shown",
    size: PAGE,
    path: AUDIT,
    parameters: filters,
    actions: [
      parameterSelect(view, { label: "What", name: "kind", options: KINDS, also: { shown: null } }),
      searchBox(view, { label: "Exact name or number", name: "object", also: { shown: null } }),
      searchBox(view, { label: "Exact name of who", name: "actor", also: { shown: null } }),
    ],
    items: ({ items }) => items,
    more: "Load older",
    empty: () => (Object.values(filters()).some(Boolean) ? "No such change" : "Nothing was changed yet"),
    list: (entries) => [
      table({
        caption: "Changes, newest first",
        rows: entries,
        columns: [
          { key: "changed_at", label: "When", head: true, wrap: true, format: moment },
          { key: "actor", label: "Who", node: ({ name, kind }) => [name, h("span", { class: "muted" }, ` · ${ACTORS[kind] ?? kind}`)] },
          { key: "action", label: "What was done", format: words },
          { key: "object", label: "To what", wrap: true, node: (name, entry) => [h("span", { class: "muted" }, `${words(entry.kind)} `), titleOf(entry) ?? name] },
          { key: "after", label: "Change", wrap: true, node: (_, entry) => change(entry) },
        ],
      }),
      download(filters()),
    ],
  });
  return h("div", { class: "grid" }, list);
}

const words = (name) => name.replaceAll("_", " ");

/** What people call it, if that is not its name. */
const titleOf = ({ before, after }) => after?.title ?? before?.title ?? null;

/** What differs, value by value; of what was added or deleted, its values. */
function change({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const differing = names.filter((name) => JSON.stringify(before?.[name] ?? null) !== JSON.stringify(after?.[name] ?? null));
  if (differing.length === 0) return "–";
  return h("details", {}, h("summary", {}, differing.map(words).join(", ")), h("dl", { class: "facts" }, differing.map((name) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, values(before, after, name))))));
}

function values(before, after, name) {
  const shown = [before, after].filter(Boolean).map((side) => value(side[name]));
  return shown.join(" → ");
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/;

function value(found) {
  if (found === null || found === undefined || found === "") return "–";
  if (typeof found !== "string") return shortened(JSON.stringify(found));
  return MOMENT.test(found) ? moment(found) : shortened(found);
}

function shortened(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** All changes that the filters let through, as a file. */
function download(filters) {
  const link = (ending, words) => h("a", { class: "button", href: at(url(`${AUDIT}/entries.${ending}`, filters)), download: "" }, icon("download"), words);
  return h("div", { class: "chips" }, link("csv", "All of them (CSV)"), link("ndjson", "All of them (NDJSON)"));
}
