// Things in front of the page: dialogs and drawers (native <dialog>), and short notices.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { unique } from "../dom.js";

/** Opens a dialog; resolves when it is closed. `drawer`: at the side, full height. */
export function openDialog({ title, content, drawer = false }) {
  const id = unique("dialog");
  const close = h("button", { type: "button", class: "button plain icon-only", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h(
    "dialog",
    { class: drawer ? "drawer" : null, "aria-labelledby": id },
    h("div", { class: "dialog-head" }, h("h2", { id }, title), close),
    h("div", { class: "dialog-body" }, content),
  );
  // A press that begins inside, such as a selection of text, does not close it where it ends.
  let pressed = null;
  dialog.addEventListener("pointerdown", ({ target }) => (pressed = target));
  dialog.addEventListener("click", ({ target }) => target === dialog && pressed === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

/** Asks before something is done; resolves to whether the person wants it. `action`: the words of the button. */
export async function confirmAction({ title, text, action }) {
  let isWanted = false;
  const close = (event) => event.target.closest("dialog").close();
  const confirm = (event) => {
    isWanted = true;
    close(event);
  };
  const buttons = h(
    "div",
    { class: "chips" },
    h("button", { type: "button", class: "button primary", onclick: confirm }, action),
    h("button", { type: "button", class: "button", autofocus: true, onclick: close }, "Cancel"),
  );
  await openDialog({ title, content: h("div", { class: "stack" }, h("div", {}, text), buttons) });
  return isWanted;
}

let box = null;

/** A notice that goes away by itself. tone: "good", "bad" or null. */
export function toast(text, tone = null) {
  box ??= h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  const front = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body; // all else lies behind a dialog
  if (box.parentNode !== front) front.append(box);
  const notice = h("div", { class: `toast ${tone ?? ""}` }, text);
  box.append(notice);
  setTimeout(() => notice.remove(), 6_000);
}
