// Alerts: severities and states in words and colours, and what people do about incidents.

import { ApiError, get, send } from "./api.js";
import { h } from "./dom.js";
import { may } from "./session.js";
import { badge } from "./components/badges.js";
import { openLogin } from "./components/login.js";
import { openDialog, toast } from "./components/dialogs.js";

export const RULES = "/api/alerts";
export const INCIDENTS = "/api/alerts/incidents";
export const SILENCES = "/api/alerts/silences";
export const WINDOWS = "/api/alerts/windows";

const SEVERITIES = { critical: ["Critical", "bad"], warning: ["Warning", "warn"], info: ["Info", "accent"] };
export const severityBadge = (severity) => badge(...SEVERITIES[severity]);

/** The subject of an incident in words: the values of its labels. */
export const subjectWords = ({ labels }) => Object.keys(labels).sort().map((name) => labels[name]).filter(Boolean).join(", ");

/** Where an incident stands: open, acknowledged or closed, and whether anybody has heard of it. */
export function standing(incident) {
  if (incident.closed_at) return badge("Over", "good");
  if (incident.acknowledged_by) return badge(`${incident.acknowledged_by} looks after it`, "accent");
  return incident.held_because ? badge("Not announced", null) : badge("Open", "bad");
}

/** Sends an action; resolves to what the API answers, or to null where it was refused, which is told. */
export const act = (path, body, { method = "POST" } = {}) =>
  told(async () => {
    const options = body === null ? { method } : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const answer = await send(path, options);
    return answer.status === 204 ? {} : await answer.json();
  });

/** What a change resolves to, or null where it was refused, which is told. */
export async function told(change) {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 || error.status === 403) openLogin("Acting on alerts requires an API key with the scope alerts.");
    else toast(`${error.title}: ${error.reason}`, "bad");
    return null;
  }
}

/** Days on which something comes again, as keys of rules and windows list them → words. */
export const DAYS = { "": "Every day", "mon,tue,wed,thu,fri": "Monday to Friday", "sat,sun": "Saturday and Sunday", mon: "Monday", tue: "Tuesday", wed: "Wednesday", thu: "Thursday", fri: "Friday", sat: "Saturday", sun: "Sunday" };

/** Where the clock of this browser is. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A button for those who may act. */
export function actionButton(words, onclick, name) {
  const button = h("button", { type: "button", class: "button", hidden: true, "data-focus": name, onclick }, words);
  may("alerts").then((allowed) => (button.hidden = !allowed));
  return button;
}

/** Asks for some words in a dialog; resolves to the values of the fields, or null if the person leaves. fields: [{name, label, value, options, required, kind}] */
export async function askFor({ title, fields, action }) {
  let found = null;
  const inputs = fields.map(({ name, label, value = "", options = null, required = false, kind = "text" }) => {
    const input = options
      ? h("select", { class: "input", name }, Object.entries(options).map(([key, words]) => h("option", { value: key, selected: key === value }, words)))
      : kind === "long"
        ? h("textarea", { class: "input", name, rows: 3, required }, value)
        : h("input", { class: "input", name, value, required, type: kind });
    return h("label", { class: "field" }, label, input);
  });
  const form = h(
    "form",
    {
      class: "stack",
      onsubmit: (event) => {
        event.preventDefault();
        found = Object.fromEntries(new FormData(form));
        form.closest("dialog").close();
      },
    },
    inputs,
    h("div", { class: "chips" }, h("button", { class: "button primary" }, action)),
  );
  await openDialog({ title, content: form });
  return found;
}

/** How many incidents are open, by severity; null while that cannot be said. */
export async function openIncidents() {
  try {
    return (await get(`${INCIDENTS}?limit=1`)).open;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return null;
  }
}
