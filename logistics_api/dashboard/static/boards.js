// Boards: questions that people keep. How they are read and changed, and how a question becomes a panel and the other way.

import { ApiError, get, send } from "./api.js";
import { COMPARISONS, parametersOf } from "./metrics.js";
import { href } from "./router.js";

export const BOARDS = "/api/boards";
const ATTEMPTS = 3;

export const boardAddress = (id) => `${BOARDS}/${encodeURIComponent(id)}`;

const asJson = (method, body, version = null) => ({
  method,
  headers: { "Content-Type": "application/json", ...(version !== null && { "If-Match": `"${version}"` }) },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

/** Makes a board of {title, description, panels}, or of the text of an exported one; resolves to it. */
export const addBoard = async (document) => (await send(BOARDS, asJson("POST", document))).json();

/** Replaces what a board contains; throws ApiError 409 if somebody else has changed it since it was read. */
export const changeBoard = async (board, changes) =>
  (await send(boardAddress(board.board_id), asJson("PUT", { ...contentOf(board), ...changes }, board.version))).json();

export const deleteBoard = (board) => send(boardAddress(board.board_id), { method: "DELETE", headers: { "If-Match": `"${board.version}"` } });

const contentOf = ({ title, description, panels }) => ({ title, description, panels });

/** Puts a panel at the end of a board; again if somebody else changes the board meanwhile. */
export async function addPanel(id, panel) {
  for (let attempt = 1; ; attempt += 1) {
    const board = await get(boardAddress(id));
    try {
      return await changeBoard(board, { panels: [...board.panels, panel] });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || attempt === ATTEMPTS) throw error;
    }
  }
}

/** The panel of a question of Explore; `grain` is what its address says, so that `auto` stays automatic. */
export function panelOf(question, { title, width, grain }) {
  const { exact, ...parameters } = parametersOf(question);
  const isAutomatic = question.grain !== null && (grain === null || grain === "auto");
  const given = { dataset: question.dataset, ...parameters, grain: isAutomatic ? "auto" : question.grain, exact: exact !== null };
  return { title, width, chart: question.chart ?? "auto", question: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) };
}

const split = (text) => (text ?? "").split(",").filter(Boolean);

/** The question of a panel as the charts take it, with what the answer says about its periods and days. */
export function questionOf({ question, chart }, answer, days) {
  return {
    dataset: question.dataset,
    metrics: split(question.metrics),
    by: split(question.by),
    grain: answer.grain,
    days: answer.range ?? days,
    filter: question.filter ?? null,
    compare: question.compare ?? null,
    show: split(question.show),
    order: question.order ?? null,
    exact: question.exact ?? false,
    chart: chart === "auto" ? null : chart,
  };
}

/** Where Explore asks the question of a panel, over the range of the present page. */
export function exploreAddress({ question, chart }) {
  const compare = Object.keys(COMPARISONS).find((key) => COMPARISONS[key].name === question.compare);
  const grain = question.grain === "auto" && !question.by ? null : (question.grain ?? "none");
  return href("explore", [], {
    compare: null, dataset: question.dataset, metrics: question.metrics, by: question.by, grain, filter: question.filter,
    ...(compare && { compare }), show: question.show, order: question.order, exact: question.exact ? "1" : null, chart: chart === "auto" ? null : chart,
  });
}
