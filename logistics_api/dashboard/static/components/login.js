// The login dialog for an API key. The page reloads afterwards, because its data was requested without the key.

import { h } from "../dom.js";
import { logIn, logOut, session } from "../session.js";
import { openDialog } from "./dialogs.js";

export function openLogin(reason = "This requires an API key.") {
  const key = h("input", { class: "input mono", type: "password", name: "key", autocomplete: "current-password", required: true, maxlength: 256, placeholder: "lap_…", spellcheck: "false", autofocus: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: "button primary" }, "Sign in");
  const form = h(
    "form",
    { class: "login" },
    h("p", { class: "muted" }, `${reason} Whoever runs the server makes one with `, h("code", {}, "logistics keys create"), ". The browser keeps it for 30 days; no page can read it."),
    h("label", { class: "field" }, "Key", key),
    problem,
    submit,
  );
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
  return openDialog({ title: "Sign in", content: form });
}

/** The signed-in key with a logout button; or a login button if anonymous access is insufficient. */
export function account() {
  const host = h("p", { class: "account", hidden: true });
  session()
    .then(({ name, is_anonymous: isAnonymous, scopes }) => {
      if (isAnonymous && scopes.length === 3) return;
      host.hidden = false;
      if (isAnonymous) host.append(h("button", { type: "button", class: "link", onclick: () => openLogin("Some pages require an API key.") }, "Sign in"));
      else host.append(h("span", {}, name), h("button", { type: "button", class: "link", onclick: async () => (await logOut(), location.reload()) }, "Sign out"));
    })
    .catch(() => {});
  return host;
}
