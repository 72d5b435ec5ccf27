// A file of unknown shape: sent from here or there already; and the proposals that wait for a decision.

import { h, replace } from "../dom.js";
import { ApiError, send, url } from "../api.js";
import { ago, bytes, count, percent } from "../format.js";
import { icon } from "../icons.js";
import { at } from "../root.js";
import { go, href } from "../router.js";
import { may } from "../session.js";
import { toast } from "../components/dialogs.js";
import { openLogin } from "../components/login.js";
import { panel } from "../components/panel.js";
import { table } from "../components/table.js";
import { proposalsPanel } from "./import/proposals.js";
import { followRequest } from "./import/requests.js";
import { atIngest } from "./pipeline/news.js";
import { progressBar } from "./pipeline/states.js";

export const title = () => "Import";
export const ranged = false;

const ADDRESS = "/api/contracts/proposals";
const FILES = 50;
const PROPOSALS = 200;

export function build(view) {
  return h("div", { class: "grid" }, sendPanel(view), proposalsPanel(view), unrecognisedPanel(view));
}

/** Sends one file, and opens its proposal. */
function sendPanel(view) {
  const told = h("div", { class: "import-state", role: "status" });
  const input = h("input", { type: "file", class: "sr-only", id: "import-file", tabindex: "-1", "aria-hidden": "true" });
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    if (file) transmit(view, told, file);
  });
  const zone = h(
    "div",
    { class: "dropzone" },
    icon("upload"),
    h("p", {}, h("strong", {}, "Drop a file here"), " or ", h("button", { type: "button", class: "link", onclick: () => input.click() }, "choose one")),
    h("p", { class: "muted" }, "CSV, JSON or NDJSON of any shape, also .gz and .zst. Nothing is loaded until its contract is accepted."),
    input,
  );
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("dragenter", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file && !zone.classList.contains("closed")) transmit(view, told, file);
  });
  may("ingest").then((allowed) => !allowed && close(zone));
  return panel(view, { title: "Import a file", subtitle: "Its columns, types and key are found out; what only you can know is asked", render: () => [zone, told] });
}

function close(zone) {
  const words = "Sending a file requires an API key with the scope ingest.";
  zone.classList.add("closed");
  replace(zone, icon("upload"), h("p", {}, words), h("button", { type: "button", class: "button", onclick: () => openLogin(words) }, "Sign in"));
}

/** By XMLHttpRequest: fetch() reports no upload progress. */
function transmit(view, told, file, isReplacing = false) {
  const request = new XMLHttpRequest();
  request.open("POST", at(url(ADDRESS, { filename: file.name, replace: isReplacing || null })));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "json";
  const show = (sent) => replace(told, h("p", {}, `Sending ${file.name}, ${bytes(file.size)}: ${percent(sent, 0)}`), progressBar(sent, `Sending ${file.name}`));
  request.upload.addEventListener("progress", ({ loaded, total }) => show(total ? (100 * loaded) / total : 0));
  request.addEventListener("load", () => answered(view, told, file, request));
  request.addEventListener("error", () => refuse(told, new ApiError(0, { title: "The connection broke", detail: "The server closed the connection or cannot be reached; nothing was stored." })));
  view.atEnd(() => request.abort());
  show(0);
  request.send(file);
}

function answered(view, told, file, request) {
  if (request.status === 202) return open(view, told, request.response);
  const error = new ApiError(request.status, request.response ?? { title: `Error ${request.status}`, detail: request.statusText });
  const again = error.kind.endsWith("file-exists") && h("button", { type: "button", class: "button", onclick: () => transmit(view, told, file, true) }, "Replace the other file");
  return refuse(told, error, again);
}

const refuse = (told, error, ...more) =>
  replace(told, h("p", { class: "problem" }, `${error.title}: ${error.reason}`), error.status === 401 && h("button", { type: "button", class: "button", onclick: () => openLogin() }, "Sign in"), more);

/** Waits until the proposal is made, and opens it. */
async function open(view, told, request) {
  const done = await followRequest(view, request, (now) => replace(told, h("p", {}, now.is_final ? now.detail : `Reading the file. ${now.detail}`)));
  if (!done) return;
  if (done.state === "failed" || !done.proposal_id) return replace(told, h("p", { class: "problem" }, done.detail));
  go(href("import", [done.proposal_id]));
}

/** Those whose proposal does not wait: it is listed above. */
function unproposed({ files, proposals }) {
  const waiting = new Set(proposals.items.map(({ path }) => path));
  return files.items.filter(({ path }) => !waiting.has(path));
}

/** Files of the raw folder that belong to no dataset. */
function unrecognisedPanel(view) {
  const told = h("div", { class: "import-state", role: "status" });
  const propose = async (path) => {
    try {
      const response = await send(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path }) });
      await open(view, told, await response.json());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) openLogin("Proposing a contract requires an API key with the scope ingest.");
      else toast(`${error.title}: ${error.reason}`, "bad");
    }
  };
  const section = panel(view, {
    title: "Files that belong to no dataset",
    subtitle: "They are in the raw folder and are not loaded",
    placeholder: "6rem",
    live: null,
    request: () => ({
      files: url("/api/ingestion/files", { state: "unrecognised", current: true, dismissed: false, limit: FILES }),
      proposals: url(ADDRESS, { state: "open", limit: PROPOSALS }),
    }),
    empty: (found) => (unproposed(found).length ? null : "Every other file belongs to a dataset"),
    render: (found) => [
      table({
        caption: "Files that belong to no dataset, newest first",
        rows: unproposed(found),
        columns: [
          { key: "path", label: "File", head: true, wrap: true, node: (path, row) => h("a", { href: href("pipeline", [], { file: row.file_id }) }, path) },
          { key: "size_bytes", label: "Size", number: true, format: bytes },
          { key: "registered_at", label: "Found", format: (value) => ago(value) },
          { key: "error", label: "Why", wrap: true },
          { key: "file_id", label: "", node: (_, row) => h("button", { type: "button", class: "button", "data-focus": `propose-${row.file_id}`, "aria-label": `Import ${row.path}`, onclick: () => propose(row.path) }, "Import") },
        ],
      }),
      found.files.next_cursor && h("p", { class: "muted" }, `Of the latest ${count(FILES)}; the Pipeline page lists all of them.`),
      told,
    ],
  });
  atIngest(view, section.renew);
  return section;
}
