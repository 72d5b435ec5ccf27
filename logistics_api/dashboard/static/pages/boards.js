// The list of boards; new ones are made here, also from a file.

import { h } from "../dom.js";
import { ago, count } from "../format.js";
import { icon } from "../icons.js";
import { href, go } from "../router.js";
import { may } from "../session.js";
import { BOARDS, addBoard } from "../boards.js";
import { boardForm } from "../components/boardform.js";
import { message, panel } from "../components/panel.js";
import { toast } from "../components/dialogs.js";
import { table } from "../components/table.js";

export const title = () => "Boards";
export const ranged = false;

export function build(view) {
  const add = h("button", { type: "button", class: "button primary", hidden: true, onclick: () => create() }, icon("add"), "New board");
  const file = h("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "File of a board" });
  const importing = h("button", { type: "button", class: "button", hidden: true, onclick: () => file.click() }, icon("upload"), "Import");
  file.addEventListener("change", () => file.files.length && take(file.files[0]).finally(() => (file.value = "")));
  may("boards").then((allowed) => [add, importing].forEach((button) => (button.hidden = !allowed)));
  const list = panel(view, {
    title: "Boards",
    subtitle: "Questions that people keep, on one page each",
    request: () => BOARDS,
    live: null,
    actions: [importing, file, add],
    render: ({ boards }) => (boards.length ? listOf(boards) : none()),
  });
  return h("div", { class: "grid" }, list);
}

const none = () =>
  message("boards", "There are no boards yet", "Ask a question on Explore and save it to a board.", h("a", { class: "button", href: href("explore") }, "Open Explore"));

function listOf(boards) {
  return table({
    caption: "All boards",
    rows: boards,
    columns: [
      { key: "title", label: "Board", head: true, node: (words, board) => h("a", { href: href("boards", [board.board_id]) }, words) },
      { key: "description", label: "Description", wrap: true },
      { key: "panels", label: "Panels", format: count, number: true },
      { key: "owner", label: "Owner" },
      { key: "changed_at", label: "Changed", format: (text) => ago(text) },
    ],
  });
}

const open = (board) => go(href("boards", [board.board_id]));

async function create() {
  const board = await boardForm({ title: "New board", board: { title: "", description: "" }, save: (content) => addBoard({ ...content, panels: [] }) });
  if (board) open(board);
}

async function take(file) {
  try {
    open(await addBoard(await file.text()));
  } catch (error) {
    toast(`${file.name} could not be imported: ${error.reason ?? error.message}`, "bad");
  }
}
