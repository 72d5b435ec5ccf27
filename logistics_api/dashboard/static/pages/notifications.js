// Notifications: messages and what became of them, endpoints, reports with their editions, addresses that get no mail.

import { ApiError, get, send, url } from "../api.js";
import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { at } from "../root.js";
import { may } from "../session.js";
import { badge } from "../components/badges.js";
import { parameterSelect } from "../components/choices.js";
import { openDialog, toast } from "../components/dialogs.js";
import { versionDifference } from "../components/difference.js";
import { panel } from "../components/panel.js";
import { table } from "../components/table.js";
import { keepTimes, when } from "../components/times.js";

export const title = () => "Notifications";
export const ranged = false;

const MESSAGES = "/api/notifications";
const PAGE = 50;
/** How many of the newest messages of an endpoint can be chosen for a preview. */
const PREVIEWED = 20;
const NEWEST = "the newest event";
/** State of a message → words and colour. */
const STATES = {
  waiting: ["Waiting", "accent"], held: ["In a digest", "accent"], sent: ["Sent", "good"], delivered: ["Delivered", "good"],
  bounced: ["Bounced", "bad"], suppressed: ["Not sent on purpose", null], dead: ["Given up", "bad"],
};
const CHOICES = { "": "All states", ...Object.fromEntries(Object.entries(STATES).map(([state, [words]]) => [state, words])) };
const HEALTH = { active: ["Active", "good"], paused: ["Paused", "warn"], failing: ["Failing", "warn"], disabled: ["Disabled", "bad"] };
/** Outcome of an attempt → words and colour. */
const ATTEMPTS = {
  sent: ["Sent", "good"], delivered: ["Delivered", "good"], passing: ["Failed for now", "warn"], refused: ["Refused", "bad"],
  bounced: ["Bounced", "bad"], gone: ["Wants no more", "bad"], null: ["Not ended", "accent"],
};
const OUTCOMES = { published: ["Sent", "good"], failed: ["Failed", "bad"], missed: ["Missed", "warn"], null: ["Being made", "accent"] };

export function build(view) {
  const messages = panel(view, {
    title: "Messages",
    subtitle: "Who was told of what, and what became of it",
    request: () => url(MESSAGES, { limit: PAGE, state: view.get("state"), cursor: view.get("cursor") }),
    live: null,
    placeholder: "16rem",
    actions: [parameterSelect(view, { label: "State", name: "state", options: CHOICES, also: { cursor: null } })],
    empty: ({ items }) => (items.length ? null : view.get("state") ? "No message is in this state" : "Nobody was told of anything yet"),
    csv: ({ items }) => ({ columns: ["message_id", "published_at", "endpoint", "recipient", "topic", "title", "state", "reason", "ended_at"].map((key) => ({ key })), rows: items }),
    render: (answer) => [messageTable(answer.items), pager(view, answer)],
  });
  const endpoints = panel(view, {
    title: "Endpoints",
    subtitle: "Where messages go, as notifications.yaml of the data folder declares it",
    request: () => `${MESSAGES}/endpoints`,
    live: null,
    placeholder: "8rem",
    empty: ({ endpoints: all }) => (all.length ? null : "No endpoint is declared"),
    render: ({ endpoints: all }) => endpointTable(all),
  });
  const reports = panel(view, {
    title: "Reports",
    subtitle: "Boards by e-mail, as reports.yaml of the data folder declares them",
    request: () => `${MESSAGES}/reports`,
    live: null,
    placeholder: "8rem",
    empty: ({ reports: all }) => (all.length ? null : "No report is declared"),
    render: ({ reports: all }) => reportTable(all),
  });
  const addresses = panel(view, {
    title: "Addresses without mail",
    subtitle: "They have bounced or unsubscribed; logistics notifications lift sends to one again",
    request: () => `${MESSAGES}/suppressions`,
    live: null,
    placeholder: "8rem",
    empty: ({ suppressions }) => (suppressions.length ? null : "All addresses get their mails"),
    render: ({ suppressions }) => addressTable(suppressions),
  });
  const all = [messages, endpoints, reports, addresses];
  for (const each of all) keepTimes(view, each);
  return h("div", { class: "grid" }, all);
}

function messageTable(items) {
  return table({
    caption: "Messages, newest first",
    rows: items,
    columns: [
      { key: "title", label: "Message", head: true, wrap: true, node: (words, { path }) => (path ? h("a", { href: at(path) }, words) : words) },
      { key: "state", label: "State", node: (state) => badge(...STATES[state]) },
      { key: "published_at", label: "Since", node: when },
      { key: "endpoint", label: "Endpoint" },
      { key: "recipient", label: "Address" },
      { key: "attempts", label: "Attempts", number: true, node: (attempts, message) => (attempts.length ? attemptsButton(message) : count(0)) },
      items.some(({ attempts }) => attempts.some(hasTemplates)) && { key: "attempts", label: "Templates", format: (attempts) => templatesOf(attempts.at(-1)) },
    ].filter(Boolean),
    detail: ({ reason }) => reason && h("p", { class: "muted" }, reason),
  });
}

const hasTemplates = (attempt) => (attempt?.template_version ?? null) !== null;
const templatesOf = (attempt) => (hasTemplates(attempt) ? `Version ${attempt.template_version}` : "–");

function attemptsButton({ message_id: id, title: words, attempts }) {
  return h("button", { type: "button", class: "link", "data-focus": `attempts-${id}`, "aria-label": `Attempts to send ${words}: ${count(attempts.length)}`, onclick: () => showAttempts(words, attempts) }, count(attempts.length));
}

/** Shows every attempt to send a message, and which version of the templates each was made with. */
function showAttempts(words, attempts) {
  return openDialog({
    title: words,
    content: table({
      caption: "Attempts",
      rows: attempts,
      columns: [
        { key: "number", label: "Attempt", head: true },
        { key: "outcome", label: "Outcome", node: (outcome) => badge(...ATTEMPTS[outcome]) },
        { key: "template_version", label: "Templates", format: (_, attempt) => templatesOf(attempt) },
        { key: "status", label: "Status", number: true },
        { key: "begun_at", label: "Begun", node: when },
      ],
      detail: ({ detail }) => detail && h("p", { class: "muted" }, detail),
    }),
  });
}

function pager(view, { next_cursor: next }) {
  return h(
    "div",
    { class: "chips" },
    view.get("cursor") && h("button", { type: "button", class: "button", "data-focus": "newest", onclick: () => view.set({ cursor: null }) }, "Newest"),
    next && h("button", { type: "button", class: "button", "data-focus": "older", onclick: () => view.set({ cursor: next }) }, "Older"),
  );
}

function endpointTable(endpoints) {
  return table({
    caption: "All endpoints",
    rows: endpoints,
    columns: [
      { key: "name", label: "Endpoint", head: true, format: (name, { title: words }) => words || name },
      { key: "channel", label: "Channel" },
      { key: "state", label: "State", node: (state) => badge(...HEALTH[state]) },
      { key: "topics", label: "Topics", wrap: true, format: (topics) => topics.join(", ") },
      { key: "waiting", label: "Waiting", number: true, format: count },
      { key: "dead", label: "Given up", number: true, format: count },
      { key: "last_sent_at", label: "Last sent", node: when },
      { key: "title", label: "Actions", node: (_, row) => templatesButton(row) },
    ],
    detail: ({ disabled_reason: reason }) => reason && h("p", { class: "problem", tabindex: "0" }, reason),
  });
}

function templatesButton({ name }) {
  return h("button", { type: "button", class: "button", "data-focus": `templates-${name}`, "aria-label": `Templates of ${name}`, onclick: () => showTemplates(name) }, "Templates");
}

/** Shows the versions of an endpoint's templates in a dialog, for some people with previews and a way back to each. */
function showTemplates(name) {
  const address = `${MESSAGES}/endpoints/${encodeURIComponent(name)}/templates`;
  return openWhenMade(`Templates of ${name}`, "Loading …", async (host) => {
    const mayChange = await may("ingest");
    const show = ({ versions }) => replace(host, versions.length > 1 && templateDifference(versions), versions.length > 0 && mayChange && h("label", { class: "field" }, "Previews show", actions.event), versions.length ? versions.map((each) => templateVersion(each, mayChange && actions)) : h("p", {}, "It has no templates: messages have the title and the text of their event. ", h("code", {}, "notifications.yaml"), " declares them."));
    const restore = async (version) => {
      try {
        show(await (await send(`${address}/${version}/restore`, { method: "POST" })).json());
        toast(`The templates of version ${version} are in force until notifications.yaml declares others`, "good");
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        toast(error.reason, "bad");
      }
    };
    const [versions, { items }] = await Promise.all([get(address), get(url(MESSAGES, { endpoint: name, limit: PREVIEWED }))]);
    const event = eventSelect(items);
    const actions = { event, preview: (version) => previewTemplates(name, version, event), restore };
    show(versions);
  });
}

/** How two versions differ, line by line below the keys of notifications.yaml, as `logistics notifications templates --diff` says it. */
function templateDifference(versions) {
  const below = (key, template) => (template === null ? [] : [`${key}:`, ...template.replace(/\n$/, "").split("\n").map((line) => `  ${line}`)]);
  return versionDifference(versions.map(({ version, title_template: titles, text_template: text }) => ({ version, lines: [...below("titleTemplate", titles), ...below("textTemplate", text)] })));
}

function templateVersion({ version, title_template: titles, text_template: text, origin, made_at: made, is_in_force: isInForce, is_declared: isDeclared, messages }, actions) {
  return h(
    "section",
    { class: "stack", "aria-label": `Version ${version}` },
    h("h3", {}, `Version ${version} `, isInForce && badge("In force", "good"), " ", isDeclared && badge("Declared", "accent")),
    h("p", { class: "muted" }, `${origin}, `, when(made), `. ${count(messages)} ${messages === 1 ? "message" : "messages"}.`),
    titles !== null && h("p", {}, "Title: ", h("code", { class: "wrapped" }, titles)),
    text !== null && h("p", {}, "Text: ", h("code", { class: "wrapped" }, text)),
    titles === null && text === null && h("p", {}, "None: the title and the text of the event."),
    actions && h(
      "div",
      { class: "chips" },
      h("button", { type: "button", class: "button", "aria-label": `Preview version ${version}`, onclick: () => actions.preview(version) }, "Preview"),
      !isInForce && h("button", { type: "button", class: "button", "aria-label": `Go back to version ${version}`, onclick: () => actions.restore(version) }, "Go back to it"),
    ),
  );
}

/** A choice of the events that some messages are about; a digest is about several, and has no severity. */
function eventSelect(messages) {
  const options = messages.filter(({ severity }) => severity !== null).map(({ message_id: id, title: words }) => h("option", { value: id }, `Message ${id}: ${words}`));
  return h("select", { class: "input" }, h("option", { value: "" }, NEWEST), options);
}

/** Shows what the chosen event looks like with a version of the templates. */
function previewTemplates(name, version, event) {
  const address = `${MESSAGES}/endpoints/${encodeURIComponent(name)}/previews`;
  const about = event.value ? `the event of message ${event.value}` : NEWEST;
  return openPreview(`Preview of version ${version}`, url(address, { version, message: event.value }), (id) => `${address}/${id}`, ({ title: subject, text, problem }) => [
    problem && warning(problem),
    text !== null && [
      h("p", { role: "status" }, `This is what ${name} would be told about ${about}. Nothing was sent.`),
      h("h3", {}, subject),
      h("pre", { class: "definition wrapped", tabindex: "0" }, text),
    ],
  ]);
}

function reportTable(reports) {
  return table({
    caption: "All reports",
    rows: reports,
    columns: [
      { key: "name", label: "Report", head: true, format: (name, { title: words }) => words || name },
      { key: "board", label: "Board" },
      { key: "schedule", label: "Schedule", node: (schedule, { time_zone: zone }) => [h("code", {}, schedule), ` ${zone}`] },
      { key: "endpoints", label: "Endpoints", wrap: true, format: (names) => names.join(", ") },
      { key: "editions", label: "Last edition", node: ([last]) => (last ? edition(last) : "None yet") },
      { key: "title", label: "Actions", node: (_, row) => previewButton(row) },
    ],
    detail: ({ editions: [last] }) => last?.reason && h("p", { class: "muted" }, last.reason),
  });
}

function edition({ edition_id: id, outcome, window_at: window }) {
  const words = badge(...OUTCOMES[outcome]);
  const page = outcome === "published" && h("a", { href: at(`${MESSAGES}/reports/editions/${id}`), target: "_blank", rel: "noopener" }, "Show it");
  return [words, " ", when(window), " ", page];
}

/** Shows a report as it would be sent now, for those who may ask for it. */
function previewButton({ name }) {
  const button = h("button", { type: "button", class: "button", hidden: true, "data-focus": `preview-${name}`, "aria-label": `Preview ${name}`, onclick: () => preview(name) }, "Preview");
  may("ingest").then((allowed) => (button.hidden = !allowed));
  return button;
}

function preview(name) {
  const status = (id) => `${MESSAGES}/reports/previews/${id}`;
  return openPreview(`Preview of ${name}`, `${MESSAGES}/reports/${encodeURIComponent(name)}/previews`, status, ({ preview_id: id, state, problem }) =>
    state === "failed" ? warning(`It would not be sent now: ${problem}`)
      : [h("p", { role: "status" }, "This is how it would be sent now. Nobody has got it."), h("a", { class: "button primary", href: at(`${status(id)}/page`), target: "_blank", rel: "noopener" }, "Open the page")]);
}

/** Asks for a preview, and waits in a dialog until a worker has made it. `status`: address of a preview by its ID. */
function openPreview(title, address, status, show) {
  return openWhenMade(title, "A worker makes it …", async (host) => {
    let found = await (await send(address, { method: "POST" })).json();
    for (let seconds = 0; found.state === "queued" && host.isConnected; seconds += 1) {
      if (seconds === 20) replace(host, h("p", { class: "muted", role: "status" }, "No worker has made it yet. ", h("code", {}, "logistics up"), " starts one."));
      await new Promise((resolve) => setTimeout(resolve, 1000));
      found = await get(status(found.preview_id));
    }
    if (found.state !== "queued") replace(host, show(found));
  });
}

/** Opens a dialog that says what it waits for until `make` has filled it; what the API refuses is said there. */
async function openWhenMade(title, waiting, make) {
  const host = h("div", { class: "stack" }, h("p", { class: "muted", role: "status" }, waiting));
  openDialog({ title, content: host });
  try {
    await make(host);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    replace(host, warning(error.reason));
  }
}

function warning(words) {
  return h("p", { class: "note warn", role: "alert" }, words);
}

function addressTable(suppressions) {
  return table({
    caption: "What addresses do not get",
    rows: suppressions,
    columns: [
      { key: "recipient", label: "Address", head: true },
      { key: "kind", label: "Why", format: (kind) => ({ bounced: "Bounced", unsubscribed: "Unsubscribed" })[kind] },
      { key: "endpoint", label: "Of endpoint", format: (name) => name ?? "Any" },
      { key: "topic", label: "About", format: (topic) => topic ?? "Anything" },
      { key: "suppressed_at", label: "Since", node: when },
    ],
    detail: ({ reason }) => h("p", { class: "muted" }, reason),
  });
}
