// Title and description of a board, in a dialog.

import { h } from "../dom.js";
import { openDialog } from "./dialogs.js";

/** Resolves to what `save({title, description})` gave, or to null if the person thought better of it. */
export async function boardForm({ title, board, save }) {
  let saved = null;
  const name = h("input", { class: "input", name: "title", required: true, maxlength: 200, pattern: ".*\\S.*", value: board.title });
  const description = h("textarea", { class: "input", name: "description", maxlength: 4000, rows: 4 });
  description.value = board.description;
  const problem = h("p", { class: "note warn", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "stack" },
    h("label", { class: "field" }, "Title", name),
    h("label", { class: "field" }, "Description", description),
    problem,
    h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary" }, "Save")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      saved = await save({ title: name.value.trim(), description: description.value });
      form.closest("dialog").close();
    } catch (error) {
      problem.textContent = error.reason ?? error.message;
      problem.hidden = false;
    }
  });
  await openDialog({ title, content: form });
  return saved;
}
