// Alerts: what is open and who looks after it, the timeline of one incident, the rules, and silences.

import { h } from "../dom.js";
import * as events from "../events.js";
import { count, day, decimal, moment } from "../format.js";
import { rowsOf } from "../drilldown.js";
import { icon } from "../icons.js";
import { at } from "../root.js";
import { session } from "../session.js";
import { get } from "../api.js";
import { DAYS, INCIDENTS, RULES, SILENCES, WINDOWS, act, actionButton, askFor, severityBadge, standing, subjectWords, timeZone, told } from "../alerts.js";
import { CATALOGUE, described } from "../metrics.js";
import { WRITTEN, changeRule, removeRule, ruleTitles } from "../rules.js";
import { badge } from "../components/badges.js";
import { parameterSelect } from "../components/choices.js";
import { confirmAction } from "../components/dialogs.js";
import { message, panel } from "../components/panel.js";
import { ruleForm } from "../components/ruleform.js";
import { daysChart, wordsOf } from "../components/ruletrial.js";
import { table } from "../components/table.js";
import { keepTimes, when } from "../components/times.js";

export const title = () => "Alerts";
export const ranged = false;

const PAGE = 50;
const STATES = { open: "Open", closed: "Over", all: "All" };
const SEVERITIES = { "": "All severities", critical: "Critical", warning: "Warning", info: "Info" };
/** How a label says that its field has no value. */
const NO_LABEL = "(none)";
/** Hours that a silence can be made for. */
const LENGTHS = { 1: "1 hour", 4: "4 hours", 24: "1 day", 168: "1 week" };
/** Seconds after which a worker that says nothing is taken for gone. */
const SILENT = 90;

export function build(view) {
  const chosen = () => view.get("incident");
  const one = panel(view, {
    title: () => (chosen() ? `Incident ${chosen()}` : ""),
    request: () => (chosen() ? { incident: `${INCIDENTS}/${encodeURIComponent(chosen())}`, metrics: CATALOGUE } : null),
    live: null,
    className: "incident-panel",
    placeholder: "14rem",
    render: ({ incident, metrics }) => details(view, incident, described(metrics), renew),
  });
  const list = panel(view, {
    title: "Incidents",
    subtitle: "What somebody should look at",
    request: () => address(view),
    live: null,
    placeholder: "16rem",
    actions: [
      parameterSelect(view, { label: "State", name: "state", options: STATES, also: { before: null } }),
      parameterSelect(view, { label: "Severity", name: "severity", options: SEVERITIES, also: { before: null } }),
    ],
    empty: ({ incidents }) => (incidents.length ? null : view.get("state") ? "There is no such incident" : "Nothing is wrong"),
    csv: ({ incidents }) => ({ columns: COLUMNS, rows: incidents.map((row) => ({ ...row, subject: subjectWords(row) })) }),
    render: (answer) => incidentTable(view, answer),
  });
  function renew() {
    for (const each of shown) each.renew();
  }
  const follow = () => (one.hidden = !chosen());
  view.follow(follow);
  follow();
  const shown = [one, list];
  const host = h("div", { class: "grid" }, shown);
  for (const each of shown) keepTimes(view, each);
  session().then(({ rows }) => rows === null && showMore(), showMore); // who cannot be told from others is told what is wrong
  function showMore() {
    const more = [rulesPanel(view, renew), silencesPanel(view, renew)]; // names and texts of all rows
    for (const each of more) keepTimes(view, each);
    shown.push(...more);
    host.append(...more);
  }
  view.atEnd(events.on("alerts", renew));
  return host;
}

function rulesPanel(view, renew) {
  return panel(view, {
    title: "Rules",
    subtitle: "What is watched, and how often it is not as it should be",
    request: () => ({ found: RULES, written: WRITTEN }),
    live: null,
    placeholder: "16rem",
    actions: [actionButton([icon("add"), "New rule"], () => openForm(null, renew), "new-rule")],
    csv: ({ found }) => ({ columns: ["name", "title", "severity", "origin", "is_enabled", "open_incidents", "subjects", "evaluated_at", "changed_by", "error", "problem"].map((key) => ({ key })), rows: found.rules }),
    render: ({ found, written }) => [workerNote(found.duties), ruleTable(found.rules, written.rules, renew)],
  });
}

function silencesPanel(view, renew) {
  return panel(view, {
    title: "Silences",
    subtitle: "Times in which incidents are recorded and not announced",
    request: () => ({ once: SILENCES, again: WINDOWS }),
    live: null,
    className: "span-6",
    placeholder: "8rem",
    actions: [
      actionButton([icon("add"), "New silence"], () => newSilence(null, renew), "new-silence"),
      actionButton([icon("add"), "New window"], () => newWindow(renew), "new-window"),
    ],
    empty: ({ once, again }) => (once.silences.length || again.windows.length ? null : "No silence is in force"),
    render: ({ once, again }) => [
      once.silences.length > 0 && silenceTable(once.silences, renew),
      again.windows.length > 0 && [h("h3", {}, "Maintenance windows"), windowTable(again.windows, renew)],
    ],
  });
}

const COLUMNS = ["incident_id", "severity", "title", "subject", "summary", "opened_at", "closed_at", "acknowledged_by", "assigned_to", "rule"].map((key) => ({ key }));

function address(view) {
  const parameters = new URLSearchParams({ state: view.get("state", "open"), limit: PAGE });
  for (const name of ["severity", "before", "rule"]) if (view.get(name)) parameters.set(name, view.get(name));
  return `${INCIDENTS}?${parameters}`;
}

function incidentTable(view, { incidents, total }) {
  const open = (incident) => view.set({ incident: String(incident.incident_id) });
  const last = incidents.at(-1);
  return [
    table({
      caption: "Incidents, newest first",
      rows: incidents,
      rowClass: (row) => (String(row.incident_id) === view.get("incident") ? "selected" : null),
      columns: [
        { key: "title", label: "Incident", head: true, wrap: true, node: (words, row) => h("button", { type: "button", class: "link", "data-focus": `incident-${row.incident_id}`, onclick: () => open(row) }, words, subjectWords(row) && `: ${subjectWords(row)}`) },
        { key: "severity", label: "Severity", node: severityBadge },
        { key: "closed_at", label: "State", node: (_, row) => standing(row) },
        { key: "opened_at", label: "Since", node: when },
        { key: "assigned_to", label: "Assigned to", format: (who) => who ?? "–" },
        { key: "rule", label: "Rule" },
      ],
    }),
    h(
      "div",
      { class: "chips" },
      h("p", { class: "muted" }, `${count(total)} in all`),
      view.get("before") && h("button", { type: "button", class: "button", "data-focus": "newest", onclick: () => view.set({ before: null }) }, "Newest"),
      incidents.length === PAGE && h("button", { type: "button", class: "button", "data-focus": "older", onclick: () => view.set({ before: String(last.incident_id) }) }, "Older"),
    ),
  ];
}

const KINDS = { opened: "Opened", announced: "Announced", held: "Held back", closed: "Over", acknowledged: "Acknowledged", assigned: "Assigned to", commented: "Comment" };

function details(view, incident, catalogue, renew) {
  const path = `${INCIDENTS}/${incident.incident_id}`;
  const done = async (promise) => (await promise) && renew();
  const actions = [
    !incident.acknowledged_by && !incident.closed_at && actionButton("Acknowledge", () => done(act(`${path}/acknowledge`, {})), "acknowledge"),
    actionButton("Assign", () => assign(path, incident, renew), "assign"),
    actionButton("Comment", () => comment(path, renew), "comment"),
    !incident.closed_at && actionButton("Silence", () => newSilence(incident, renew), "silence"),
  ];
  return [
    h("div", { class: "chips" }, severityBadge(incident.severity), standing(incident), incident.kind === "unknown" && badge("Cannot be evaluated", "warn")),
    h("h3", {}, incident.title, subjectWords(incident) && `: ${subjectWords(incident)}`),
    h("p", {}, incident.summary),
    incident.held_because && h("p", { class: "note" }, icon("clock"), h("span", {}, `Nobody was told: ${incident.held_because}.`)),
    incident.facts.length > 0 && h("dl", { class: "facts" }, incident.facts.map(({ name, value }) => h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–")))),
    h(
      "div",
      { class: "chips" },
      incident.path && h("a", { class: "button", href: at(incident.path) }, icon("external"), "Show it"),
      rowsLink(incident, catalogue),
      actions,
      h("button", { type: "button", class: "button plain", "data-focus": "close-incident", onclick: () => view.set({ incident: null }) }, icon("close"), "Close"),
    ),
    incidentChart(incident, catalogue),
    table({
      caption: "Timeline",
      rows: incident.timeline,
      columns: [
        { key: "at", label: "When", head: true, format: moment },
        { key: "kind", label: "What", format: (kind) => KINDS[kind] ?? kind },
        { key: "text", label: "Words", wrap: true },
        { key: "author", label: "Who" },
      ],
    }),
  ];
}

/** The value until the incident was opened. */
function incidentChart({ chart, title }, catalogue) {
  const days = chart?.days.filter(({ value }) => value !== null) ?? [];
  if (days.length < 2) return null;
  const definition = { watch: chart.watch, when: chart.when ?? {} };
  const words = wordsOf(definition, catalogue);
  const last = days.at(-1);
  const summary = `${title}: from ${day(days[0].day)} to ${day(last.day)}, ${words(days[0].value)} first and ${words(last.value)} last.`;
  return daysChart({ days: chart.days.map((each) => ({ ...each, fires: each.day === last.day ? "the incident" : null })), definition, catalogue, summary });
}

/** The rows that the value of an incident was computed from: those of its period, of its subject. */
function rowsLink({ path, labels }, catalogue) {
  if (!path?.startsWith("/explore?")) return null;
  const asked = new URLSearchParams(path.slice(path.indexOf("?")));
  const dataset = catalogue[asked.get("dataset")];
  if (!dataset) return null;
  const by = (asked.get("by") ?? "").split(",").filter(Boolean);
  const question = { dataset: asked.get("dataset"), by, filter: null, grain: null, days: { start: asked.get("start"), end: asked.get("end") } };
  const row = Object.fromEntries(by.map((field) => [field, labels[field] === NO_LABEL ? null : labels[field]]));
  const { address } = rowsOf(question, dataset, {}, row);
  return address && h("a", { class: "button", href: address }, icon("data"), "Its rows");
}

async function assign(path, incident, renew) {
  const found = await askFor({ title: "Who looks after it?", fields: [{ name: "to", label: "Name", value: incident.assigned_to ?? "" }], action: "Assign" });
  if (found && (await act(`${path}/assign`, found))) renew();
}

async function comment(path, renew) {
  const found = await askFor({ title: "What should others know?", fields: [{ name: "text", label: "Comment", kind: "long", required: true }], action: "Comment" });
  if (found && (await act(`${path}/comment`, found))) renew();
}

/** A silence of the subject of an incident, or of everything. */
async function newSilence(incident, renew) {
  const about = incident ? `${incident.title}${subjectWords(incident) ? `: ${subjectWords(incident)}` : ""}` : "Everything";
  const found = await askFor({
    title: `Silence: ${about}`,
    fields: [
      { name: "hours", label: "For", options: LENGTHS, value: "4" },
      { name: "reason", label: "Why", required: true },
    ],
    action: "Silence",
  });
  if (!found) return;
  const ends = new Date(Date.now() + Number(found.hours) * 3_600_000).toISOString();
  const body = { rule: incident?.rule ?? null, labels: incident?.labels ?? {}, ends_at: ends, reason: found.reason };
  if (await act(SILENCES, body)) renew();
}

function silenceTable(silences, renew) {
  const end = async ({ silence_id: id }) => (await act(`${SILENCES}/${id}`, null, { method: "DELETE" })) && renew();
  return table({
    caption: "Silences in force",
    rows: silences,
    columns: [
      { key: "rule", label: "What", head: true, format: (rule, row) => [rule ?? "Everything", subjectWords(row)].filter(Boolean).join(", ") },
      { key: "ends_at", label: "Until", format: moment },
      { key: "reason", label: "Why", wrap: true },
      { key: "author", label: "Who" },
      { key: "silence_id", label: "Action", node: (id, row) => actionButton("End", () => end(row), `end-${id}`) },
    ],
  });
}

const MONTHS = { 30: "30 days", 90: "90 days", 365: "A year" };

/** Hours that come again in which nothing is announced. */
async function newWindow(renew) {
  const { rules } = await get(WRITTEN);
  const found = await askFor({
    title: "Maintenance window",
    fields: [
      { name: "rule", label: "Rule", options: { "": "All rules", ...ruleTitles(rules) }, value: "" },
      { name: "days", label: "Days", options: DAYS, value: "" },
      { name: "from", label: "From", kind: "time", value: "02:00", required: true },
      { name: "to", label: "To", kind: "time", value: "04:00", required: true },
      { name: "timeZone", label: "Time zone", value: timeZone(), required: true },
      { name: "length", label: "Comes again for", options: MONTHS, value: "90" },
      { name: "reason", label: "Why", required: true },
    ],
    action: "Make it",
  });
  if (!found) return;
  const hours = { days: found.days ? found.days.split(",") : [], from: found.from, to: found.to, timeZone: found.timeZone };
  const ends = new Date(Date.now() + Number(found.length) * 86_400_000).toISOString();
  if (await act(WINDOWS, { rule: found.rule || null, hours, ends_at: ends, reason: found.reason })) renew();
}

function windowTable(windows, renew) {
  const end = async ({ window_id: id }) => (await act(`${WINDOWS}/${id}`, null, { method: "DELETE" })) && renew();
  const when = ({ days, from, to, timeZone }) => `${DAYS[days.join(",")] ?? days.join(", ")}, ${from} to ${to} (${timeZone})`;
  return table({
    caption: "Maintenance windows",
    rows: windows,
    columns: [
      { key: "rule", label: "What", head: true, format: (rule, row) => [rule ?? "Everything", subjectWords(row)].filter(Boolean).join(", ") },
      { key: "hours", label: "When", format: when, wrap: true },
      { key: "ends_at", label: "Until", format: moment },
      { key: "reason", label: "Why", wrap: true },
      { key: "author", label: "Who" },
      { key: "window_id", label: "Action", node: (id, row) => actionButton("End", () => end(row), `end-window-${id}`) },
    ],
  });
}

/** Whether somebody evaluates the rules at all. */
function workerNote(duties) {
  const duty = duties.find((each) => each.duty === "alerts");
  if (duty && duty.seconds_ago < SILENT) return duty.problem && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, duty.problem));
  const since = duty ? `for ${decimal(duty.seconds_ago / 60, 0)} minutes` : "yet";
  return h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, `No worker has evaluated these rules ${since}. `, h("code", {}, "logistics up"), " starts one, ", h("code", {}, "logistics work"), " is one."));
}

const ORIGINS = { "built-in": "Built in", file: "File" };

function ruleTable(rules, written, renew) {
  if (rules.length === 0) return message("bell", "There are no rules yet", "They are there once a worker has started.");
  const byName = new Map(written.map((rule) => [rule.name, rule]));
  const trouble = (row) => row.problem ?? row.error;
  return table({
    caption: "All rules",
    rows: rules,
    columns: [
      { key: "title", label: "Rule", head: true, wrap: true, node: (words, row) => [words ?? row.name, !row.is_enabled && [" ", badge("Switched off")]] },
      { key: "severity", label: "Severity", node: severityBadge },
      { key: "open_incidents", label: "Open", number: true, format: count },
      { key: "subjects", label: "Subjects", number: true, format: (subjects) => (subjects === null ? "–" : count(subjects)), title: "How many files, datasets, sources or values the last look has seen" },
      { key: "evaluated_at", label: "Evaluated", node: when },
      { key: "name", label: "Name", node: (name) => h("code", {}, name) },
      { key: "origin", label: "From", format: (origin, row) => ORIGINS[origin] ?? row.changed_by, title: "Who changed it last; File: a file in the folder alerts of the data folder, which is changed there" },
      { key: "version", label: "Actions", node: (_, row) => byName.has(row.name) && h("div", { class: "chips" }, ruleActions(byName.get(row.name), renew)) },
    ],
    detail: (row) => trouble(row) && h("p", { class: "problem", tabindex: "0" }, trouble(row)),
  });
}

function ruleActions(rule, renew) {
  if (rule.definition === null) return null;
  const named = (words, label, onclick, name) => {
    const button = actionButton(words, onclick, `${name}-${rule.name}`);
    button.setAttribute("aria-label", `${label} ${rule.name}`);
    return button;
  };
  if (rule.origin === "file") return named("Look", "Look at", () => openForm(rule, renew), "change");
  return [
    named("Change", "Change", () => openForm(rule, renew), "change"),
    named(rule.is_enabled ? "Switch off" : "Switch on", rule.is_enabled ? "Switch off" : "Switch on", () => switchRule(rule, renew), "switch"),
    rule.origin === "api" && named("Remove", "Remove", () => remove(rule, renew), "remove"),
  ];
}

async function openForm(rule, renew) {
  const [metrics, { rules }] = await Promise.all([get(CATALOGUE), get(WRITTEN)]);
  if (await ruleForm({ rule, catalogue: described(metrics), rules: ruleTitles(rules) })) renew();
}

async function switchRule(rule, renew) {
  const { enabled: _, ...definition } = rule.definition;
  if (await told(() => changeRule(rule, rule.is_enabled ? { ...definition, enabled: false } : definition))) renew();
}

async function remove(rule, renew) {
  const text = "What is open of it ends. A built-in rule is as it was before somebody changed it.";
  const isWanted = await confirmAction({ title: `Remove the rule ${rule.name}?`, text, action: "Remove" });
  if (isWanted && (await told(() => removeRule(rule)))) renew();
}
