// External ids: what may be the same thing, ids without a link, and every link that was made.

import { h } from "../dom.js";
import { url } from "../api.js";
import { count, day } from "../format.js";
import { href } from "../router.js";
import { datasetWords } from "../datasets.js";
import { IDENTITIES, author, decide, decisionButton, effect, linkForm, thingLink, when } from "../identities.js";
import { parameterSelect } from "../components/choices.js";
import { message, panel } from "../components/panel.js";
import { morePanel } from "../components/more.js";
import { table } from "../components/table.js";

export const title = () => "External ids";
export const ranged = false;

const UNLINKED = 50;
const PAGE = 20;
const STATES = { "": "Waiting", accepted: "Accepted", rejected: "Rejected", withdrawn: "Withdrawn" };

// Only words: the dashboard explains what a contract looks like, it does not parse one.
const EXAMPLE = `externalIds:
  - field: card_plate
    entity: vehicles
    system: fuelco`;

export function build(view) {
  const panels = [];
  const renew = () => panels.forEach((each) => {
    each.keepLength?.();
    each.renew();
  });
  panels.push(entitiesPanel(view), proposalsPanel(view, renew), unlinkedPanel(view, renew), linksPanel(view));
  view.atNews(renew);
  return h("div", { class: "grid" }, panels);
}

function entitiesPanel(view) {
  return panel(view, {
    title: "Things with several names",
    subtitle: "One thing, and what each system calls it: figures follow the master key",
    request: () => IDENTITIES,
    live: null,
    render: ({ entities }) => (entities.length ? entitiesTable(entities) : none()),
  });
}

/** What to do to have some. */
function none() {
  return message(
    "link",
    "No contract declares external ids yet",
    "Say in the contract of a dataset which of its fields holds ids of another system, and which dataset has the master records.",
    h("pre", { class: "example", tabindex: "0", "aria-label": "External ids in a contract" }, EXAMPLE),
  );
}

function entitiesTable(entities) {
  return table({
    caption: "Entities and the fields with their ids",
    rows: entities.flatMap((entity) => entity.fields.map((field) => ({ ...entity, ...field }))),
    columns: [
      { key: "title", label: "Entity", head: true, node: (words, row) => h("a", { href: href("identities", [row.entity]) }, words) },
      { key: "system", label: "System" },
      { key: "field", label: "Ids are in", node: (field, row) => [h("a", { href: href("data", [row.dataset]) }, datasetWords(row.dataset)), ` · ${field}`] },
      { key: "name", label: "Called", title: "What metrics are grouped and filtered by" },
      { key: "linked", label: "Linked ids", number: true, format: count },
      { key: "open_proposals", label: "Proposals", number: true, format: count },
    ],
  });
}

function proposalsPanel(view, renew) {
  const state = () => view.get("state", "");
  return morePanel(view, {
    title: "What may be the same",
    subtitle: () => (state() === "" ? "Found by rules; a person decides" : `Proposals: ${STATES[state()].toLowerCase()}`),
    live: null,
    name: "proposals",
    size: PAGE,
    path: `${IDENTITIES}/proposals`,
    parameters: () => ({ state: state() }),
    actions: [parameterSelect(view, { label: "State", name: "state", options: STATES, also: { proposals: null } })],
    items: ({ items }) => items,
    more: "Load more",
    empty: () => (state() === "" ? "Nothing waits for a decision" : "There are none"),
    csv: (rows) => ({ columns: ["proposal_id", "entity", "system", "external_id", "key", "rule", "similarity", "evidence", "state", "decided_by"].map((key) => ({ key })), rows }),
    list: (rows) =>
      table({
        caption: "Proposals",
        rows,
        columns: [
          { key: "external_id", label: "Id", head: true, node: (id, row) => [h("span", { class: "muted" }, `${row.system} `), id] },
          { key: "key", label: "May be", node: (key, row) => thingLink(row.entity, key) },
          { key: "rule", label: "Rule", format: (name) => name.replaceAll("_", " ") },
          { key: "evidence", label: "Evidence", wrap: true },
          state() === "" ? { key: "proposal_id", label: "Decision", node: (_, row) => decisions(row, renew) } : { key: "decided_by", label: "Decided by", format: (name) => name ?? "–" },
        ],
      }),
  });
}

function decisions(proposal, renew) {
  const { proposal_id: number, system, external_id: id, key } = proposal;
  const press = async (isAccepted) => (await decide(proposal, isAccepted)) && renew();
  return h(
    "div",
    { class: "chips" },
    decisionButton("Accept", { label: `Accept: ${system} ${id} is ${key}`, focus: `accept-${number}`, primary: true, press: () => press(true) }),
    decisionButton("Reject", { label: `Reject: ${system} ${id} is ${key}`, focus: `reject-${number}`, press: () => press(false) }),
  );
}

function unlinkedPanel(view, renew) {
  return panel(view, {
    title: "Ids without a link",
    subtitle: "They stand for themselves in figures; most records first",
    request: () => url(`${IDENTITIES}/unlinked`, { limit: UNLINKED }),
    live: null,
    csv: ({ items }) => ({ columns: ["entity", "system", "external_id", "dataset", "field", "records", "first_day", "last_day"].map((key) => ({ key })), rows: items }),
    empty: ({ total }) => (total === 0 ? "Every id is linked" : null),
    render: ({ total, items }) => [
      table({
        caption: "Ids without a link",
        rows: items,
        columns: [
          { key: "external_id", label: "Id", head: true, node: (id, row) => [h("span", { class: "muted" }, `${row.system} `), id] },
          { key: "field", label: "In", format: (field, row) => `${datasetWords(row.dataset)} · ${field}` },
          { key: "records", label: "Records", number: true, format: count },
          { key: "first_day", label: "First", format: (text) => (text ? day(text) : "–") },
          { key: "last_day", label: "Last", format: (text) => (text ? day(text) : "–") },
          { key: "system", label: "Action", node: (_, row) => linkButton(row, renew) },
        ],
      }),
      total > items.length && h("p", { class: "muted" }, `${count(items.length)} of ${count(total)} shown`),
    ],
  });
}

function linkButton(row, renew) {
  const words = `${row.system} ${row.external_id}`;
  const press = async () => {
    const made = await linkForm({ ...row, title: `What is ${words}?`, explanation: `${count(row.records)} records have this id.`, action: "Link" });
    if (made) renew();
  };
  return decisionButton("Link", { label: `Link ${words}`, focus: `link-${words}`, press });
}

function linksPanel(view) {
  return morePanel(view, {
    title: "Links",
    subtitle: "Every one that was made, newest first: the newest of an id decides",
    live: null,
    name: "links",
    size: PAGE,
    path: `${IDENTITIES}/links`,
    parameters: () => ({}),
    items: ({ items }) => items,
    more: "Load older",
    empty: "No link was made yet",
    csv: (rows) => ({ columns: ["link_id", "entity", "system", "external_id", "key", "made_at", "author", "source", "reason", "decides", "waits", "withdrawn_at"].map((key) => ({ key })), rows }),
    list: (rows) =>
      table({
        caption: "Links",
        rows,
        columns: [
          { key: "external_id", label: "Id", head: true, node: (id, row) => [h("span", { class: "muted" }, `${row.system} `), id] },
          { key: "key", label: "Is", node: (key, row) => (key === null ? h("span", { class: "muted" }, "itself") : thingLink(row.entity, key)) },
          { key: "made_at", label: "Since", node: when },
          { key: "author", label: "Author", node: author },
          { key: "reason", label: "Why", wrap: true, format: (text) => text || "–" },
          { key: "decides", label: "Effect", node: effect },
        ],
      }),
  });
}
