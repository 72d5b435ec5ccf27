// Keeps the question of Explore as a panel of a board: a new one or one that there is.

import { h } from "../dom.js";
import { get } from "../api.js";
import { BOARDS, addBoard, addPanel, panelOf } from "../boards.js";
import { questionWords } from "./answertable.js";
import { openDialog, toast } from "./dialogs.js";
import { href } from "../router.js";

const NEW = "";
const labelled = (words, control) => h("label", { class: "field" }, words, control);

/** A button that opens the form; question() and known() give the question and its dataset when it is pressed. */
export function saveButton(view, { question, known }) {
  return h("button", { type: "button", class: "button", onclick: () => known() && save(view, question(), known()) }, "Save to a board");
}

async function save(view, question, dataset) {
  let boards;
  try {
    ({ boards } = await get(BOARDS));
  } catch (error) {
    return toast(`The boards could not be read: ${error.reason ?? error.message}`, "bad");
  }
  const board = h("select", { class: "input", name: "board" }, h("option", { value: NEW }, "A new board"), boards.map(({ board_id: id, title }) => h("option", { value: id }, title)));
  const name = h("input", { class: "input", name: "name", required: true, maxlength: 200, value: "New board" });
  const nameField = labelled("Title of the board", name);
  board.addEventListener("change", () => {
    nameField.hidden = board.value !== NEW;
    name.required = board.value === NEW;
  });
  const title = h("input", { class: "input", name: "title", maxlength: 200, value: questionWords(question, dataset) });
  const width = h("select", { class: "input", name: "width" }, h("option", { value: "half" }, "Half of the page"), h("option", { value: "full" }, "The whole page"));
  const problem = h("p", { class: "note warn", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "stack" },
    labelled("Board", board), nameField, labelled("Title of the panel", title), labelled("Width", width), problem,
    h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary" }, "Save")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const panel = panelOf(question, { title: title.value.trim(), width: width.value, grain: view.get("grain") });
    try {
      const saved = board.value === NEW ? await addBoard({ title: name.value.trim(), description: "", panels: [panel] }) : await addPanel(board.value, panel);
      form.closest("dialog").close();
      toast(`Saved to ${saved.title}`, "good");
      document.querySelector(".saved-to")?.replaceChildren(h("a", { href: href("boards", [saved.board_id]) }, `Open ${saved.title}`));
    } catch (error) {
      problem.textContent = error.status === 401 || error.status === 403 ? "Changing boards requires an API key with the scope boards: sign in first." : (error.reason ?? error.message);
      problem.hidden = false;
    }
  });
  await openDialog({ title: "Save to a board", content: form });
}
