// One board: all its charts are drawn from one answer.

import { h } from "../dom.js";
import { get, url } from "../api.js";
import { moment } from "../format.js";
import { icon } from "../icons.js";
import { CATALOGUE, described } from "../metrics.js";
import { rowsOf } from "../drilldown.js";
import { at } from "../root.js";
import { go, href } from "../router.js";
import { may } from "../session.js";
import { boardAddress, changeBoard, deleteBoard, exploreAddress, questionOf } from "../boards.js";
import { aboutAnswer, emptyWords, figureDetail } from "../components/answer.js";
import { answerTable, questionWords } from "../components/answertable.js";
import { boardForm } from "../components/boardform.js";
import { confirmAction, toast } from "../components/dialogs.js";
import { answerCharts } from "../components/metricchart.js";
import { message, panel } from "../components/panel.js";

export const title = (view) => view.heading ?? "Board";

/** Rows of a panel that shows its answer as a table; Explore has all. */
const MOST_ROWS = 20;

export function build(view) {
  const [id] = view.arguments;
  const panels = h("div", { class: "grid board-panels" });
  let shown = null;
  /** When the days of the datasets are known: each panel would ask twice otherwise. */
  const showPanels = async (board) => {
    await countBack(view, board);
    if (shown === board.version) panels.replaceChildren(...boardPanels(view, board));
    now = board;
  };
  let now = null;
  view.atNews(() => now && countBack(view, now));
  const head = panel(view, {
    title: "About this board",
    className: "board-head",
    request: () => boardAddress(id),
    live: null,
    placeholder: "4rem",
    render: (board) => {
      view.heading = board.title;
      queueMicrotask(() => view.titleChanged());
      if (shown !== board.version) showPanels(board);
      shown = board.version;
      return about(view, board);
    },
  });
  return h("div", { class: "grid" }, head, panels);
}

/** Ranges by name count back from the newest day of the board's own datasets: they may have ended long before others. */
async function countBack(view, board) {
  const names = new Set(board.panels.map(({ question }) => question.dataset));
  const { datasets } = await get(CATALOGUE).catch(() => ({ datasets: [] }));
  const days = datasets.filter((each) => each.days && names.has(each.dataset)).map((each) => each.days);
  const newest = days.map((each) => each.newest ?? each.last).sort().at(-1);
  view.countFrom(days.length ? { first: days.map((each) => each.first).sort()[0], last: days.map((each) => each.last).sort().at(-1), newest } : null);
}

function about(view, board) {
  const act = (words, image, work) => h("button", { type: "button", class: "button", hidden: true, onclick: work }, icon(image), words);
  const changes = [act("Edit", "file", () => edit(view, board)), act("Delete", "close", () => remove(board))];
  may("boards").then((allowed) => changes.forEach((button) => (button.hidden = !allowed)));
  return [
    board.description && h("p", { class: "about" }, board.description),
    h("p", { class: "muted" }, `Made by ${board.owner}; changed by ${board.changed_by}, ${moment(board.changed_at)}`),
    h(
      "div",
      { class: "chips board-actions" },
      h("a", { class: "button", href: href("explore") }, icon("explore"), "Ask another question"),
      changes,
      h("a", { class: "button", href: at(`${boardAddress(board.board_id)}/export`), download: "" }, icon("download"), "Export"),
    ),
  ];
}

/** Makes a change and shows the board anew; if somebody else was faster, shows what they have made of it. */
async function change(view, board, changes) {
  try {
    await changeBoard(board, changes);
  } catch (error) {
    toast(error.status === 409 ? "Somebody else has changed this board: it is shown as it is now. Repeat your change." : (error.reason ?? error.message), "bad");
    if (error.status !== 409) return;
  }
  view.reopen();
}

async function edit(view, board) {
  const saved = await boardForm({ title: "Edit board", board, save: (content) => changeBoard(board, content) });
  if (saved) view.reopen();
}

async function remove(board) {
  if (!(await confirmAction({ title: "Delete this board?", text: `${board.title} and its ${board.panels.length} panels will be gone for everybody.`, action: "Delete" }))) return;
  try {
    await deleteBoard(board);
    go(href("boards"));
  } catch (error) {
    toast(error.reason ?? error.message, "bad");
  }
}

function boardPanels(view, board) {
  if (board.panels.length === 0) {
    return [h("section", { class: "panel" }, message("boards", "This board has no panels yet", "Ask a question on Explore and save it to this board.", h("a", { class: "button", href: href("explore") }, "Open Explore")))];
  }
  const days = () => (view.range === null || view.range.name === "all" ? null : view.days());
  const addresses = () => ({ catalogue: CATALOGUE, answers: url(`${boardAddress(board.board_id)}/answers`, { ...days(), version: board.version }) });
  return board.panels.map((one, number) => boardPanel(view, board, number, addresses, days));
}

function boardPanel(view, board, number, addresses, days) {
  const one = board.panels[number];
  let title = one.title || "Panel";
  const partOf = ({ catalogue, answers }) => ({ ...answers.answers[number], dataset: described(catalogue)[one.question.dataset] });
  return panel(view, {
    title: () => title,
    className: one.width === "half" ? "span-6" : "",
    request: addresses,
    placeholder: "16rem",
    entries: () => panelEntries(view, board, number),
    render: (found) => {
      const { answer, problem, dataset } = partOf(found);
      if (problem) return broken(problem, one);
      const question = questionOf(one, answer, days());
      if (!one.title) title = questionWords(question, dataset);
      const nothing = emptyWords(answer, dataset);
      return nothing ? message("inbox", nothing) : content(question, dataset, answer);
    },
  });
}

function broken(problem, one) {
  const reason = problem.errors?.map(({ parameter, expected }) => `${parameter}: ${expected}`).join("; ") ?? problem.detail;
  const note = message("warning", problem.title, reason, h("a", { class: "button", href: exploreAddress(one) }, "Open in Explore"));
  note.classList.add("error");
  return note;
}

function content(question, dataset, answer) {
  const detail = h("div", { class: "selected-figure", role: "status" });
  const charts = answerCharts(question, dataset, answer, {
    onSelect: (row) => detail.replaceChildren(...figureDetail(question, dataset, answer, row)),
    rowsLink: (row) => rowsOf(question, dataset, answer, row).address,
  });
  const rows = charts.length
    ? null
    : answerTable({ question, described: dataset, answer, rows: answer.data.slice(0, MOST_ROWS), linkOf: (row) => rowsOf(question, dataset, answer, row) });
  return [charts, rows, detail, aboutAnswer(question, dataset, answer, { isBrief: true })];
}

function panelEntries(view, board, number) {
  const one = board.panels[number];
  const entry = (image, words, work) => h("button", { type: "button", onclick: work }, icon(image), words);
  const replaced = (made) => board.panels.map((other, place) => (place === number ? made : other));
  const moved = (by) => {
    const all = [...board.panels];
    [all[number], all[number + by]] = [all[number + by], all[number]];
    return all;
  };
  const save = (panels) => change(view, board, { panels });
  const isHalf = one.width === "half";
  return [
    h("a", { href: exploreAddress(one) }, icon("explore"), "Open in Explore"),
    number > 0 && entry("up", "Move up", () => save(moved(-1))),
    number < board.panels.length - 1 && entry("arrowdown", "Move down", () => save(moved(1))),
    entry(isHalf ? "right" : "left", isHalf ? "Make wide" : "Make half as wide", () => save(replaced({ ...one, width: isHalf ? "full" : "half" }))),
    entry("close", "Remove from this board", () => save(board.panels.filter((_, place) => place !== number))),
  ].filter(Boolean);
}
