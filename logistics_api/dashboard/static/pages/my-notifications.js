// My notifications: the inbox of a person, and what they want to be told, where and when.

import { url } from "../api.js";
import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { INBOX, MINE, TOPICS, addThisBrowser, mark, obstacle, removeBrowser, savePreferences, sendTest, subscribeAgain, thisBrowser } from "../mynotifications.js";
import { at } from "../root.js";
import { session } from "../session.js";
import { badge } from "../components/badges.js";
import { parameterSwitch } from "../components/choices.js";
import { toast } from "../components/dialogs.js";
import { signInButtons } from "../components/login.js";
import { message, panel } from "../components/panel.js";
import { names } from "../components/questionform.js";
import { table } from "../components/table.js";
import { keepTimes, when } from "../components/times.js";

export const title = () => "My notifications";
export const ranged = false;

const PAGE = 50;
const SEVERITIES = { info: ["Info", "accent"], warning: ["Warning", "warn"], critical: ["Critical", "bad"] };
const LEAST = { info: "Everything", warning: "Warnings and critical", critical: "Critical only" };
const DIGESTS = { "": "Each at once", "15m": "Every 15 minutes", daily: "Daily", weekly: "Weekly, on Monday" };
const CHANNELS = { inbox: "Inbox, on this page", email: "E-mail", push: "Browsers" };
const USUAL = { topics: ["*"], severity: "warning" };
const QUIET = { from: "22:00", until: "06:30" };

export function build(view) {
  const host = h("div", { class: "grid" });
  session().then(
    (known) => replace(host, known.person_id === null ? nobody(known) : panels(view)),
    () => replace(host, panels(view)), // they say what is wrong
  );
  return host;
}

/** What is so where nobody has signed in: on one machine, nothing is missing. */
function nobody({ is_anonymous: isAnonymous, can_sign_in: canSignIn }) {
  const shared = h("a", { class: "button", href: at("/notifications") }, "Open Notifications");
  const words = canSignIn
    ? "Sign in to choose what you are told, where and when."
    : "Here nobody has to sign in, so there is one inbox for everybody: the one that notifications.yaml of the data folder declares.";
  const whom = isAnonymous ? "Nobody has signed in" : "An API key has no notifications of its own";
  return h("section", { class: "panel" }, message("bell", whom, words, h("p", { class: "chips" }, canSignIn && signInButtons(words), shared)));
}

function panels(view) {
  const inbox = inboxPanel(view);
  const all = [inbox, preferencesPanel(view, inbox)];
  for (const each of all) keepTimes(view, each);
  return all;
}

// -- the inbox --------------------------------------------------------------------------------------------------------

function inboxPanel(view) {
  let newest = null;
  const all = h("button", { type: "button", class: "button", "data-focus": "all-read", onclick: () => newest !== null && marked({ up_to: newest }) }, "Mark all as read");
  const section = panel(view, {
    title: "Inbox",
    subtitle: "What you were told, newest first",
    request: () => url(INBOX, { limit: PAGE, unread: view.get("unread") === "1" ? "true" : null, cursor: view.get("cursor") }),
    live: "alerts",
    placeholder: "12rem",
    actions: [parameterSwitch(view, { label: "Unread only", name: "unread", also: { cursor: null } }), all],
    empty: ({ items }) => (items.length ? null : view.get("unread") === "1" ? "Everything is read" : "You were not told of anything yet"),
    render: (answer) => {
      if (!view.get("cursor")) newest = answer.items[0]?.message_id ?? null;
      return [messageTable(answer.items, marked), pager(view, answer)];
    },
  });
  async function marked(marks) {
    try {
      await mark(marks);
      section.renew();
    } catch (error) {
      toast(error.reason ?? error.message, "bad");
    }
  }
  return section;
}

function messageTable(items, marked) {
  const titleOf = (words, { path, read_at: readAt, message_id: id }) => {
    const shown = readAt ? words : h("strong", {}, words);
    return path ? h("a", { href: at(path), onclick: () => readAt || marked({ message_ids: [id] }) }, shown) : shown;
  };
  const toggle = (readAt, { message_id: id, title: words }) =>
    h("button", { type: "button", class: "link", "data-focus": `mark-${id}`, onclick: () => marked({ message_ids: [id], is_read: !readAt }) }, readAt ? "Unread again" : "Mark as read", h("span", { class: "sr-only" }, `: ${words}`));
  return table({
    caption: "Messages in your inbox",
    rows: items,
    columns: [
      { key: "title", label: "Message", head: true, wrap: true, node: titleOf },
      { key: "severity", label: "Severity", node: (severity) => badge(...SEVERITIES[severity]) },
      { key: "published_at", label: "Since", node: when },
      { key: "read_at", label: "Read", node: toggle },
    ],
    detail: ({ text }) => text && h("p", { class: "muted" }, text),
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

// -- what a person wants ----------------------------------------------------------------------------------------------

function preferencesPanel(view, inbox) {
  let wanted = null; // as it is in the form: what is done meanwhile keeps it
  const section = panel(view, {
    title: "What you are told",
    subtitle: "Where, when, and what; critical events ignore quiet hours and digests",
    request: () => MINE,
    live: null,
    placeholder: "20rem",
    render: (mine) => {
      const { version, time_zone, language, quiet_hours, channels } = mine;
      if (wanted?.version !== version) wanted = structuredClone({ version, time_zone, language, quiet_hours, channels });
      return preferences(mine, wanted, refresh);
    },
  });
  function refresh() {
    section.refresh();
    inbox.renew(); // a test may have come
  }
  return section;
}

function preferences(mine, wanted, refresh) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const fields = h("div", { class: "stack" });
  const draw = () => replace(fields, Object.keys(CHANNELS).map((channel) => channelFields(channel, wanted, mine, { draw, doing })), timeFields(wanted, mine, draw), languageField(wanted, mine));
  /** Does something and shows the page anew, or says what is wrong. */
  async function doing(work, said = null) {
    problem.hidden = true;
    try {
      await work();
      if (said) toast(said, "good");
      refresh();
    } catch (error) {
      problem.textContent = error.status === 409 ? `${error.message} Load the page again.` : (error.reason ?? error.message);
      problem.hidden = false;
      problem.scrollIntoView({ block: "nearest" });
    }
  }
  draw();
  const form = h(
    "form",
    { class: "stack" },
    mine.restriction && h("p", { class: "note warn" }, h("span", {}, mine.restriction)),
    fields,
    problem,
    h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary", "data-focus": "save" }, "Save")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(() => savePreferences(wanted), "Saved");
  });
  return form;
}

function channelFields(channel, wanted, mine, { draw, doing }) {
  const choice = wanted.channels[channel];
  const choose = (changed) => {
    wanted.channels[channel] = changed;
    draw();
  };
  const isOn = h("input", { type: "checkbox", role: "switch", checked: choice !== null, "data-focus": `on-${channel}`, onchange: () => choose(isOn.checked ? structuredClone(mine.channels[channel] ?? USUAL) : null) });
  const isSaved = mine.channels[channel] !== null;
  const test = isSaved && (channel !== "push" || mine.push.subscriptions.length > 0);
  return h(
    "fieldset",
    { class: "stack choices" },
    h("legend", {}, CHANNELS[channel]),
    h("label", { class: "switch" }, isOn, channel === "email" && mine.email.address ? `To ${mine.email.address}` : "Switched on"),
    choice && h(
      "div",
      { class: "question-form" },
      names("About", `topics-${channel}`, choice.topics, [["", TOPICS]], (topic) => TOPICS[topic] ?? topic, (topics) => choose({ ...choice, topics: topics.length ? topics : ["*"] })),
      select("What matters", `severity-${channel}`, LEAST, choice.severity, (severity) => choose({ ...choice, severity })),
      channel === "email" && select("How often", "digest", DIGESTS, choice.digest ?? "", (digest) => choose({ ...choice, digest: digest || null })),
      channel === "email" && ["daily", "weekly"].includes(choice.digest) && time("At", "digest-at", choice.digest_at ?? "08:00", (text) => (choice.digest_at = text)),
    ),
    channel === "email" && mailNotes(mine.email, doing),
    channel === "push" && browsers(mine.push, doing),
    test && h("div", { class: "chips" }, h("button", { type: "button", class: "button", "data-focus": `test-${channel}`, onclick: () => doing(() => sendTest(channel), "A test is on its way") }, "Send a test", h("span", { class: "sr-only" }, `: ${CHANNELS[channel]}`))),
  );
}

function mailNotes({ problem, unsubscribed_topics: topics }, doing) {
  return [
    problem && h("p", { class: "note warn" }, h("span", {}, problem)),
    topics.length > 0 && h(
      "p",
      { class: "note" },
      h("span", {}, `A link in a mail has ended what is about ${topics.map((topic) => TOPICS[topic] ?? topic).join(", ")}. `),
      h("button", { type: "button", class: "link", onclick: () => doing(subscribeAgain, "Mails come again") }, "Get it again"),
    ),
  ];
}

/** The browsers that show what comes, and whether this one does. */
function browsers({ public_key: key, subscriptions }, doing) {
  const host = h("div", { class: "stack" });
  const show = (mine) => {
    const rows = subscriptions.map((browser) => ({ ...browser, isThis: browser === mine }));
    const why = obstacle() ?? (key === null ? "Browsers can be added once the worker has run: logistics up starts it." : null);
    replace(
      host,
      rows.length > 0 && browserTable(rows, doing),
      mine === null && (why ? h("p", { class: "muted" }, why) : h("div", { class: "chips" }, h("button", { type: "button", class: "button", "data-focus": "add-browser", onclick: () => doing(() => addThisBrowser(key), "This browser shows what comes") }, "Add this browser"))),
    );
  };
  show(null);
  thisBrowser(subscriptions).then(show, () => {});
  return host;
}

function browserTable(rows, doing) {
  const state = (reason, { failures }) => (reason ? badge("Ended", "bad") : failures > 0 ? badge(`Failed ${count(failures)} times`, "warn") : badge("Active", "good"));
  const remove = (_, browser) => h("button", { type: "button", class: "link", onclick: () => doing(() => removeBrowser(browser, browser.isThis)) }, "Remove", h("span", { class: "sr-only" }, `: ${browser.name}`));
  return table({
    caption: "Your browsers",
    rows,
    columns: [
      { key: "name", label: "Browser", head: true, format: (name, { isThis }) => (isThis ? `${name} (this one)` : name) },
      { key: "disabled_reason", label: "State", node: state },
      { key: "last_sent_at", label: "Last sent", node: when },
      { key: "subscription_id", label: "", node: remove },
    ],
    detail: ({ disabled_reason: reason }) => reason && h("p", { class: "muted" }, reason),
  });
}

function timeFields(wanted, mine, draw) {
  const quiet = wanted.quiet_hours;
  const isOn = h("input", { type: "checkbox", role: "switch", checked: quiet !== null, "data-focus": "quiet", onchange: () => {
    wanted.quiet_hours = isOn.checked ? { ...(mine.quiet_hours ?? QUIET) } : null;
    draw();
  } });
  const usual = `As where I sign in: ${mine.usual_time_zone}`;
  const zones = Object.fromEntries([["", usual], ...[...new Set([...Intl.supportedValuesOf("timeZone"), wanted.time_zone ?? "UTC", "UTC"])].sort().map((zone) => [zone, zone])]);
  return h(
    "fieldset",
    { class: "stack choices" },
    h("legend", {}, "Quiet hours of e-mail and browsers"),
    h("label", { class: "switch" }, isOn, "Only critical events then"),
    h(
      "div",
      { class: "question-form" },
      quiet && time("From", "quiet-from", quiet.from, (text) => (quiet.from = text)),
      quiet && time("Until", "quiet-until", quiet.until, (text) => (quiet.until = text)),
      select("Time zone", "zone", zones, wanted.time_zone ?? "", (zone) => (wanted.time_zone = zone || null)),
    ),
  );
}

function languageField(wanted, mine) {
  const nameOf = new Intl.DisplayNames(["en"], { type: "language" });
  const usual = `As where I sign in: ${nameOf.of(mine.usual_language)}`;
  const languages = Object.fromEntries([["", usual], ...mine.languages.map((code) => [code, nameOf.of(code)])]);
  return h(
    "fieldset",
    { class: "stack choices" },
    h("legend", {}, "Language of e-mail and browsers"),
    h("div", { class: "question-form" }, select("Language", "language", languages, wanted.language ?? "", (code) => (wanted.language = code || null))),
    h("p", { class: "muted" }, "What has no translation, such as the titles of your own rules, stays as it was written."),
  );
}

const labelled = (label, ...content) => h("label", { class: "field" }, label, content);

function time(label, name, value, choose) {
  const made = h("input", { class: "input", type: "time", required: true, value, "data-focus": name, onchange: () => choose(made.value) });
  return labelled(label, made);
}

function select(label, name, options, value, choose) {
  const made = h(
    "select",
    { class: "input", "data-focus": name, onchange: () => choose(made.value) },
    Object.entries(options).map(([each, words]) => h("option", { value: each, selected: each === value }, words)),
  );
  return labelled(label, made);
}
