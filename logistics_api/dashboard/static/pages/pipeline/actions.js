// What can be done about a file: buttons for what makes sense now, and what becomes of a request to the pipeline.

import { h, replace } from "../../dom.js";
import { ApiError, get, send } from "../../api.js";
import { moment } from "../../format.js";
import { icon } from "../../icons.js";
import { at } from "../../root.js";
import { may } from "../../session.js";
import { confirmAction, toast } from "../../components/dialogs.js";
import { openLogin } from "../../components/login.js";
import * as transfers from "./transfers.js";

const PAUSE = 1_000;

const ACTIONS = {
  retry: { words: "Retry", image: "refresh" },
  unload: {
    words: "Unload",
    image: "arrowdown",
    title: "Unload this file?",
    text: "Its rows and rejects are removed from the database, and the figures follow. The file itself is not touched; Retry loads it again.",
  },
  forget: {
    words: "Dismiss",
    image: "check",
    title: "Dismiss this file?",
    text: "It leaves checks, metrics and the list of files. The file itself is not touched. It is shown again when it changes or is loaded.",
  },
};

/** {of(file): node}: the actions of one file. `renew` requests the file again; `isShown` says whether it is still on the page. */
export function fileActions(view, { renew, isShown }) {
  const host = h("div", { class: "file-actions" });
  const told = h("p", { class: "muted", role: "status" });
  const buttons = h("div", { class: "chips", role: "group", "aria-label": "Actions" });
  host.append(buttons, told);
  let rights = null;
  let file = null;
  let followed = null;
  let sending = false;
  Promise.all([may("ingest"), may("export")]).then(([ingest, exports]) => {
    rights = { ingest, export: exports };
    show();
  });

  function show() {
    if (file === null || rights === null) return;
    const waits = followed !== null || sending;
    replace(
      buttons,
      rights.ingest && Object.keys(ACTIONS).filter((name) => file.actions.includes(name)).map((name) => actionButton(name, waits)),
      rights.ingest && canBeReplaced(file) && replaceButton(view, file),
      rights.export && file.records.rejected > 0 && h("a", { class: "button", "data-focus": "rejects", href: at(`/api/ingestion/files/${file.file_id}/rejects.ndjson`), download: `rejects-${file.file_id}.ndjson` }, icon("download"), "Download rejects"),
    );
    if (!waits) tell(file.latest_request);
  }

  const actionButton = (name, waits) =>
    h("button", { type: "button", class: "button", "data-focus": name, disabled: waits, onclick: () => ask(name) }, icon(ACTIONS[name].image), ACTIONS[name].words);

  function tell(request) {
    const words = request && sentence(request);
    if (told.textContent === (words ?? "")) return;
    told.textContent = words ?? "";
    told.classList.toggle("problem", Boolean(request?.error ?? (request?.state === "failed")));
  }

  async function ask(name) {
    const { title, text, words } = ACTIONS[name];
    if (title && !(await confirmAction({ title, text: [h("strong", { class: "mono" }, file.path), h("p", {}, text)], action: words }))) return;
    sending = true;
    show();
    try {
      const response = await send(`/api/ingestion/files/${file.file_id}/${name}`, { method: "POST" });
      follow(await response.json());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) openLogin(`${words} requires an API key with the scope ingest.`);
      else toast(`${error.title}: ${error.reason}`, "bad");
      renew();
    } finally {
      sending = false;
      show();
    }
  }

  /** Asks for the state of a request until it is final. */
  async function follow(request) {
    if (followed === request.request_id) return;
    followed = request.request_id;
    show();
    tell(request);
    while (followed === request.request_id && isShown()) {
      const now = await state(request.request_id);
      if (now) tell(now);
      if (now?.is_final) {
        followed = null;
        toast(`${ACTIONS[now.action].words}: ${now.detail}`, now.state === "done" ? "good" : "bad");
        renew();
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  return {
    of(found) {
      file = found;
      const { latest_request: request } = file;
      if (request && request.done_at === null && !sending) follow({ ...request, state: "pending" });
      show();
      return host;
    },
  };
}

/** Null while the server cannot say. */
async function state(id) {
  try {
    return await get(`/api/ingestion/file-requests/${id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return null;
  }
}

/** About a request as a file names it (outcome, error), or as the API reports it by itself (detail). */
const sentence = ({ action, requested_by: who, requested_at: since, done_at: done, detail, outcome, error }) =>
  `${ACTIONS[action].words}, requested by ${who}, ${moment(done ?? since)}: ${detail ?? error ?? outcome ?? "Waits for the pipeline."}`;

/** Only an upload to the same place replaces a file: into the folder of its dataset, under its name. */
const canBeReplaced = ({ state: found, is_current: isCurrent, dataset, path }) =>
  found === "failed" && isCurrent && path.startsWith(`${dataset}/`) && /^[^/%]+\/[^/%]+$/.test(path);

function replaceButton(view, { dataset, path }) {
  const name = path.slice(dataset.length + 1);
  const input = h("input", { type: "file", class: "sr-only", id: "replace-file", tabindex: "-1", "aria-hidden": "true" });
  input.addEventListener("change", () => {
    const [chosen] = input.files;
    if (!chosen) return;
    transfers.replaceFile(chosen, dataset, name);
    view.set({ file: null, frejects: null });
    toast(`${chosen.name} is uploaded as ${path}: the Upload panel shows its progress.`);
  });
  return h("span", {}, input, h("button", { type: "button", class: "button", "data-focus": "replace", onclick: () => input.click() }, icon("upload"), "Replace by upload"));
}
