// Brings files in by drag and drop or by a button, and shows what becomes of each.

import { h, replace } from "../../dom.js";
import { bytes, count, percent } from "../../format.js";
import { icon } from "../../icons.js";
import { DATASETS } from "../../datasets.js";
import { href } from "../../router.js";
import { may } from "../../session.js";
import { openLogin } from "../../components/login.js";
import { panel } from "../../components/panel.js";
import { badge } from "../../components/badges.js";
import { progress, progressBar } from "./states.js";
import * as transfers from "./transfers.js";

export function uploadPanel(view) {
  const input = h("input", { type: "file", multiple: true, class: "sr-only", id: "upload-files", tabindex: "-1", "aria-hidden": "true" });
  input.addEventListener("change", () => {
    transfers.add(input.files);
    input.value = "";
  });
  const zone = h(
    "div",
    { class: "dropzone" },
    icon("upload"),
    h("p", {}, h("strong", {}, "Drop files here"), " or ", h("button", { type: "button", class: "link", onclick: () => input.click() }, "choose them")),
    h("p", { class: "muted" }, "JSON, NDJSON or CSV, also .gz and .zst. They go into the raw folder, and the pipeline loads them. A file of another shape: ", h("a", { href: href("import") }, "import it"), "."),
    input,
  );
  const [list, buttons] = [transferList(view), h("div", { class: "chips" })];
  const show = () => {
    list.update();
    replace(buttons, listButtons());
  };
  view.atEnd(transfers.onChange(show));
  view.atEnd(takeDrops(zone));
  show();
  const section = panel(view, { title: "Upload", render: () => [zone, list, buttons] });
  may("ingest").then((allowed) => !allowed && closeZone(zone));
  return section;
}

function closeZone(zone) {
  zone.classList.add("closed");
  replace(
    zone,
    icon("upload"),
    h("p", {}, "Uploading requires an API key with the scope ", h("code", {}, "ingest"), "."),
    h("button", { type: "button", class: "button", onclick: () => openLogin("Uploading requires an API key with the scope ingest.") }, "Sign in"),
  );
}

/** Files dropped anywhere on the page are meant for the zone: a browser would show them in place of the page. */
function takeDrops(zone) {
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = () => zone.classList.toggle("over", depth > 0);
  const handlers = {
    dragenter: () => (depth += 1),
    dragleave: () => (depth = Math.max(0, depth - 1)),
    dragover: () => {},
    drop: (event) => {
      depth = 0;
      if (!zone.classList.contains("closed")) transfers.add([...event.dataTransfer.files]);
    },
  };
  const listeners = Object.entries(handlers).map(([name, handle]) => [
    name,
    (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      handle(event);
      mark();
    },
  ]);
  listeners.forEach(([name, listener]) => document.addEventListener(name, listener));
  return () => listeners.forEach(([name, listener]) => document.removeEventListener(name, listener));
}

/** One entry per transfer, made anew only when what it shows has changed: a choice that is open stays open. */
function transferList(view) {
  const shown = new Map();
  const list = h("ul", { class: "transfers", "aria-label": "Uploads" });
  list.update = () => {
    for (const [transfer, { element }] of shown) {
      if (transfers.transfers.includes(transfer)) continue;
      element.remove();
      shown.delete(transfer);
    }
    for (const transfer of transfers.transfers) {
      const { state, dataset, problem, upload } = transfer;
      const key = JSON.stringify([state, dataset, sentPercent(transfer), problem?.message, transfer.detour, upload]);
      const known = shown.get(transfer);
      if (known?.key === key) continue;
      const element = known?.element ?? list.appendChild(h("li", { class: "transfer" }));
      replace(element, entry(view, transfer));
      shown.set(transfer, { key, element });
    }
    list.hidden = shown.size === 0;
  };
  return list;
}

const sentPercent = ({ sent, size }) => (size ? Math.floor((100 * sent) / size) : 0);

function listButtons() {
  const isOpen = transfers.transfers.some(({ state }) => state === "chosen");
  const ready = transfers.startable();
  const done = transfers.finished();
  const words = ["Upload", "Upload 1 file"][ready.length] ?? `Upload ${count(ready.length)} files`;
  return [
    isOpen && h("button", { type: "button", class: "button primary", "data-focus": "upload", disabled: ready.length === 0, onclick: () => ready.forEach((one) => transfers.start(one)) }, icon("upload"), words),
    done.length > 0 && h("button", { type: "button", class: "button", "data-focus": "clear", onclick: () => done.forEach((one) => transfers.remove(one)) }, "Clear finished"),
  ];
}

function entry(view, transfer) {
  const { id, name, size, state, upload } = transfer;
  const close = state !== "stored" || upload.is_final;
  return [
    icon("file"),
    h("div", { class: "what" }, h("strong", {}, name), h("span", { class: "muted" }, bytes(size))),
    state === "chosen" ? datasetChoice(transfer) : h("span", { class: "muted" }, DATASETS[transfer.dataset]?.words),
    h("div", { class: "how", role: "status" }, status(view, transfer), transfer.detour && h("p", { class: "muted" }, transfer.detour)),
    close && h("button", { type: "button", class: "button plain icon-only", "data-focus": `remove-${id}`, "aria-label": `${state === "sending" ? "Cancel" : "Remove"} ${name}`, onclick: () => transfers.remove(transfer) }, icon("close")),
  ];
}

function datasetChoice(transfer) {
  const options = [["", "Which dataset?"], ...Object.entries(DATASETS).map(([name, { words }]) => [name, words])];
  const select = h(
    "select",
    { class: "input", "data-focus": `dataset-${transfer.id}`, "aria-label": `Dataset of ${transfer.name}`, onchange: () => transfers.choose(transfer, select.value || null) },
    options.map(([value, words]) => h("option", { value, selected: value === (transfer.dataset ?? "") }, words)),
  );
  return select;
}

function status(view, transfer) {
  const { state, problem, upload, name } = transfer;
  if (state === "chosen") return transfer.dataset ? "Ready" : "Choose a dataset";
  if (state === "queued" || state === "resting") return "Queued";
  if (state === "sending") return [progressBar(sentPercent(transfer), `Sending ${name}`), h("small", { class: "muted" }, `${percent(sentPercent(transfer), 0)} sent`)];
  if (state === "refused") return refused(transfer, problem);
  const open = upload.file && h("button", { type: "button", class: "link", "data-focus": `open-${transfer.id}`, onclick: () => view.set({ file: upload.file.file_id }) }, "Details");
  const words = { loaded: ["Loaded", "good"], failed: ["Failed", "bad"], loading: ["Loading", "accent"], waiting: ["Stored", "accent"], registered: ["Waiting", "accent"] }[upload.state] ?? [upload.state, "warn"];
  return [
    badge(...words),
    " ",
    outcome(upload),
    upload.same_content && h("p", { class: "muted" }, `The same content was already uploaded as ${upload.same_content.path}.`),
    upload.file && progress(upload.file),
    " ",
    open,
  ];
}

function outcome({ state, detail, file }) {
  if (state !== "loaded" || !file) return detail;
  const { read, loaded, superseded, rejected } = file.records;
  return `${count(read)} read = ${count(loaded)} loaded + ${count(superseded)} superseded + ${count(rejected)} rejected`;
}

function refused(transfer, problem) {
  const isTaken = problem.kind.endsWith("file-exists");
  return [
    h("p", { class: "problem" }, problem.reason),
    problem.status === 401 && h("button", { type: "button", class: "link", onclick: () => openLogin() }, "Sign in"),
    h("button", { type: "button", class: "link", "data-focus": `again-${transfer.id}`, onclick: () => transfers.start(transfer, isTaken) }, isTaken ? "Replace the other file" : "Try again"),
  ];
}
