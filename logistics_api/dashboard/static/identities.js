// External ids: how people decide what they stand for, and what the pages about them have in common.

import { send } from "./api.js";
import { h } from "./dom.js";
import { moment } from "./format.js";
import { href } from "./router.js";
import { may } from "./session.js";
import { badge } from "./components/badges.js";
import { openDialog, toast } from "./components/dialogs.js";
import { openLogin } from "./components/login.js";

export const IDENTITIES = "/api/identities";

const post = async (address, body) => (await send(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();

export const thingLink = (entity, key) => h("a", { href: href("identities", [entity, key]), "data-focus": `thing-${entity}-${key}` }, key);

const SOURCES = { person: "said by a person", rule: "by a rule", file: "from a file" };
/** Who said it, and how. */
export const author = (_, { author: name, source }) => [name, " ", h("span", { class: "muted" }, SOURCES[source] ?? source)];

/** Whether a link counts, in words. */
export function effect(_, link) {
  if (link.withdrawn_at) return badge("File unloaded");
  if (!link.decides) return badge("Replaced");
  return link.waits ? badge("After the next refresh", "warn") : badge("Decides", "good");
}

/** A button for those who may decide; hidden for all others. */
export function decisionButton(words, { label, focus, primary = false, press }) {
  const button = h("button", { type: "button", class: primary ? "button primary" : "button", hidden: true, "aria-label": label, "data-focus": focus, onclick: press }, words);
  may("ingest").then((allowed) => (button.hidden = !allowed));
  return button;
}

/**
 * Asks why, and for the master key where `key` is not given; then makes a link, or undoes one (`key: null`). Resolves to
 * whether it was made.
 */
export async function linkForm({ title, explanation, entity, system, external_id: id, key, action }) {
  const master = h("input", { class: "input", name: "key", required: true, maxlength: 255, autocomplete: "off" });
  return decisionForm({
    title,
    explanation,
    fields: key === undefined ? [h("label", { class: "field" }, `Key of the record of ${entity}`, master)] : [],
    action,
    save: (reason) => post(`${IDENTITIES}/links`, { entity, system, external_id: id, key: key === undefined ? master.value.trim() : key, reason }),
  });
}

/** Accepts or rejects a proposal, with a reason. Resolves to whether it was decided. */
export async function decide(proposal, isAccepted) {
  const { system, external_id: id, key, evidence } = proposal;
  return decisionForm({
    title: isAccepted ? `${system} ${id} is ${key}` : `${system} ${id} is not ${key}`,
    explanation: isAccepted ? evidence : "The same is not proposed again.",
    fields: [],
    action: isAccepted ? "Accept" : "Reject",
    save: (reason) => post(`${IDENTITIES}/proposals/${proposal.proposal_id}/${isAccepted ? "accept" : "reject"}`, { reason }),
  });
}

async function decisionForm({ title, explanation, fields, action, save }) {
  let isSaved = false;
  const reason = h("textarea", { class: "input", name: "reason", maxlength: 2000, rows: 3 });
  const problem = h("p", { class: "note warn", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "stack" },
    h("p", {}, explanation),
    fields,
    h("label", { class: "field" }, "Reason, for those who ask later", reason),
    problem,
    h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary" }, action)),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await save(reason.value.trim());
      isSaved = true;
      form.closest("dialog").close();
    } catch (error) {
      if (error.status === 401 || error.status === 403) return openLogin("Deciding what an id stands for requires an API key with the scope ingest.");
      problem.textContent = error.reason ?? error.message;
      problem.hidden = false;
    }
  });
  await openDialog({ title, content: form });
  if (isSaved) toast("Noted. Figures follow with the next refresh.", "good");
  return isSaved;
}

export const when = (text) => (text ? h("time", { datetime: text }, moment(text)) : "–");
