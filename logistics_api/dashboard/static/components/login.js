// Signing in and out. The page loads anew afterwards, because its data was requested by somebody else.

import { h, replace } from "../dom.js";
import { on } from "../events.js";
import { count } from "../format.js";
import { countUnread, leaveThisBrowser } from "../mynotifications.js";
import { at } from "../root.js";
import { canSignIn, logIn, logOut, session, signInAddress } from "../session.js";
import { openDialog } from "./dialogs.js";

/** What the pages offer: who may do all of it does not have to sign in. */
const OFFERED = ["read", "export", "ingest", "contracts", "boards", "alerts"];

/** Why a person is not signed in, by the `problem` that /signed-out is opened with: heading, and what to do. */
const PROBLEMS = {
  "": ["Signed out", "You are signed out here. Your identity provider may still know you."],
  refused: ["Sign-in refused", "The identity provider did not sign you in. Try again, or ask your administrator whether you may use this dashboard."],
  expired: ["Sign-in expired", "The sign-in took too long or was begun in another browser or tab. Sign in again."],
  repeated: ["Sign-in used already", "This sign-in was completed before. Sign in again."],
  unavailable: ["Identity provider unavailable", "The identity provider does not answer as it should. Try again in a moment; if it stays so, the log of the API tells your administrator why."],
  invalid: ["Sign-in not accepted", "What the identity provider says about you cannot be accepted. The log of the API tells your administrator why."],
  database: ["Sign-in not possible now", "The database takes no sign-ins at the moment. Try again later."],
  disabled: ["Account disabled", "An administrator has disabled your account here. Ask them to enable it."],
};

export function openLogin(reason = "This requires an API key.") {
  const key = h("input", { class: "input mono", type: "password", name: "key", autocomplete: "current-password", required: true, maxlength: 256, placeholder: "lap_…", spellcheck: "false", autofocus: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: canSignIn ? "button" : "button primary" }, "Sign in");
  const form = h(
    "form",
    { class: "login" },
    h("p", { class: "muted" }, canSignIn ? "Or use an API key. " : `${reason} `, "Whoever runs the server makes one with ", h("code", {}, "logistics keys create"), ". The browser keeps it for 30 days; no page can read it."),
    h("label", { class: "field" }, "Key", key),
    problem,
    submit,
  );
  const content = canSignIn ? h("div", { class: "login" }, withAccount(reason), form) : form;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await logIn(key.value.trim());
      location.reload();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      submit.disabled = false;
      key.select();
    }
  });
  return openDialog({ title: "Sign in", content });
}

/** The upper part of the dialog where people can sign in; who has done so already is told that it does not suffice. */
function withAccount(reason) {
  const host = h("div", { class: "login" }, h("p", {}, reason), signInLink("Sign in with your account"));
  session().then(({ person_id: person, name, roles }) => {
    if (person !== null) replace(host, h("p", {}, `You are signed in as ${name}. Your role (${roles.join(", ") || "none"}) does not include this: ask your administrator.`));
  }, () => {});
  return host;
}

/** The link to the identity provider. */
function signInLink(words = "Sign in", path = undefined) {
  return h("a", { class: "button primary", "data-focus": "again", href: signInAddress(path) }, words);
}

/** What to press where a page cannot be shown without signing in. */
export function signInButtons(reason, path) {
  const key = (className, words) => h("button", { type: "button", class: className, "data-focus": "again", onclick: () => openLogin(reason) }, words);
  return canSignIn ? [signInLink("Sign in", path), key("button", "Use an API key")] : [key("button primary", "Sign in")];
}

/** [heading, what to do]: why nobody is signed in, for the page that a sign-in or a sign-out ends at. */
export function signedOut(problem) {
  return PROBLEMS[problem ?? ""] ?? PROBLEMS.invalid;
}

/** [heading, what to do] for a person who has signed in and has no role; null for everybody else. */
export async function withoutRole() {
  const known = await session().catch(() => null);
  if (known === null || known.person_id === null || known.roles.length > 0) return null;
  const groups = known.groups.length ? `Your groups are: ${known.groups.join(", ")}.` : "Your identity provider names no group of yours.";
  return ["No role yet", `You are signed in as ${known.name}, but no group of yours has a role here. ${groups} Ask your administrator for a role.`];
}

/** Who is signed in, with a button to sign out; or one to sign in if anonymous access is not enough. */
export function account() {
  const host = h("p", { class: "account", hidden: true });
  session()
    .then((known) => replace(host, known.is_anonymous ? anonymous(known) : signedIn(known)))
    .catch(() => replace(host, canSignIn && h("a", { href: signInAddress() }, "Sign in")))
    .finally(() => (host.hidden = host.childElementCount === 0));
  return host;
}

function anonymous({ scopes }) {
  if (canSignIn) return h("a", { href: signInAddress() }, "Sign in");
  return OFFERED.every((scope) => scopes.includes(scope)) ? [] : h("button", { type: "button", class: "link", onclick: () => openLogin("Some pages require an API key.") }, "Sign in");
}

function signedIn({ name, roles, method, person_id: person }) {
  const leave = async () => {
    if (person !== null) await leaveThisBrowser().catch(() => {});
    await logOut();
    if (method === "key") location.reload();
    else location.assign(at("/api/sign-out")); // by way of the identity provider, where people sign out there as well
  };
  // Behind a proxy that signs people in, it alone can sign them out.
  const out = method !== "proxy" && h("button", { type: "button", class: "link", onclick: leave }, "Sign out");
  const words = [name, ...roles].join(" · ");
  return [person === null ? h("span", {}, words) : h("span", {}, h("a", { href: at("/my-notifications"), title: "My notifications" }, words), unreadBadge()), out];
}

/** How many messages of the inbox are unread; hidden while none is. */
function unreadBadge() {
  const host = h("span", { class: "badge bad", hidden: true });
  const show = (unread) => {
    host.hidden = !unread;
    replace(host, count(unread ?? 0), h("span", { class: "sr-only" }, unread === 1 ? " unread message" : " unread messages"));
  };
  const look = () => countUnread().then(show, () => {});
  on("alerts", look);
  document.addEventListener("unreadchange", ({ detail }) => show(detail));
  look();
  return host;
}
