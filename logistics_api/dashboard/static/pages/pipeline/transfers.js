// Files on their way from this browser into the raw folder, and from there into the figures. They go on while other
// pages are looked at, so they belong to no page.

import { ApiError, get, url } from "../../api.js";
import * as events from "../../events.js";
import { UPLOAD_PLACE, addressFor, askForLook, stateOf } from "./bucket.js";
import { guessDataset } from "../../datasets.js";
import { at } from "../../root.js";

const AT_ONCE = 2;
const ADDRESS = "/api/ingestion/uploads";

/** {id, name, size, file, dataset, state: "chosen" | "queued" | "sending" | "resting" | "refused" | "stored", sent, problem, replace, upload, place, detour}: `place` where it was sent past the API, `detour` why it was not */
export const transfers = [];
const listeners = new Set();
let numbers = 0;

/** Calls `listener()` after each change until the function it returns is called. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());

function change(transfer, changes) {
  Object.assign(transfer, changes);
  tell();
}

/** Takes files as the browser gives them; what is not sent yet can still be changed. */
export function add(files) {
  for (const file of files) {
    const dataset = guessDataset(file.webkitRelativePath || file.name);
    transfers.push({ id: ++numbers, name: file.name, size: file.size, file, dataset, state: "chosen", sent: 0, problem: null, replace: false, upload: null });
  }
  tell();
}

/** Sends a file at once, in the place of one of this dataset and name. */
export function replaceFile(file, dataset, name) {
  const transfer = { id: ++numbers, name, size: file.size, file, dataset, state: "chosen", sent: 0, problem: null, replace: true, upload: null };
  transfers.push(transfer);
  start(transfer, true);
}

export function choose(transfer, dataset) {
  change(transfer, { dataset });
}

export function remove(transfer) {
  clearTimeout(transfer.timer);
  transfer.request?.abort();
  transfers.splice(transfers.indexOf(transfer), 1);
  tell();
  sendNext();
}

/** Sends one, or sends it again: with `replace` in the place of another of its name. */
export function start(transfer, replace = false) {
  clearTimeout(transfer.timer);
  change(transfer, { state: "queued", problem: null, sent: 0, replace });
  sendNext();
}

export const startable = () => transfers.filter(({ state, dataset }) => state === "chosen" && dataset);
export const finished = () => transfers.filter(({ upload }) => upload?.is_final);

function sendNext() {
  const sending = transfers.filter(({ state }) => state === "sending").length;
  transfers.filter(({ state }) => state === "queued").slice(0, Math.max(0, AT_ONCE - sending)).forEach(transmit);
}

function transmit(transfer) {
  if (UPLOAD_PLACE && !transfer.detour) void transmitToBucket(transfer);
  else transmitToApi(transfer);
}

function transmitToApi(transfer) {
  const request = new XMLHttpRequest();
  request.open("POST", at(url(ADDRESS, { dataset: transfer.dataset, filename: transfer.name, replace: transfer.replace || null })));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "json";
  request.addEventListener("load", () => answered(transfer, request));
  request.addEventListener("error", () => refuse(transfer, new ApiError(0, { title: "The connection broke", detail: "The server closed the connection or cannot be reached; nothing was stored." })));
  run(transfer, request);
}

/** By XMLHttpRequest: fetch() reports no upload progress. */
function run(transfer, request) {
  request.upload.addEventListener("progress", ({ loaded }) => change(transfer, { sent: loaded }));
  request.addEventListener("loadend", () => sendNext());
  change(transfer, { state: "sending", request });
  request.send(transfer.file);
}

/** Past the API, to the place that takes uploads; through the API if that is not possible. */
async function transmitToBucket(transfer) {
  change(transfer, { state: "sending" });
  let place;
  try {
    place = await addressFor(transfer);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 501) detour(transfer, error.message);
    else refuse(transfer, error);
    return sendNext();
  }
  if (!transfers.includes(transfer)) return;
  const request = new XMLHttpRequest();
  request.open("PUT", place.url);
  for (const [name, value] of Object.entries(place.headers)) request.setRequestHeader(name, value);
  request.addEventListener("load", () => (request.status < 300 ? stored(transfer, place) : detour(transfer, `The bucket of ${place.source} refused the file (HTTP ${request.status}).`)));
  request.addEventListener("error", () => detour(transfer, `The bucket of ${place.source} cannot be reached from this browser, or its CORS rules do not allow this page.`));
  run(transfer, request);
}

function stored(transfer, place) {
  change(transfer, { state: "stored", place, sent: transfer.size, request: null, upload: { path: place.path, state: "waiting", is_final: false, detail: "The file is stored.", same_content: null, file: null } });
  void askForLook(place.source);
  void renew(transfer);
}

function detour(transfer, reason) {
  change(transfer, { state: "queued", request: null, sent: 0, detour: `Sent through the API: ${reason}` });
}

function answered(transfer, request) {
  if (request.status >= 200 && request.status < 300) {
    change(transfer, { state: "stored", upload: request.response, sent: transfer.size, request: null });
    return void renew(transfer);
  }
  const wait = Number(request.getResponseHeader("Retry-After"));
  if (request.status === 503 && wait) {
    change(transfer, { state: "resting", request: null, timer: setTimeout(() => start(transfer, transfer.replace), wait * 1000) });
    return;
  }
  refuse(transfer, new ApiError(request.status, request.response ?? { title: `Error ${request.status}`, detail: request.statusText }));
}

const refuse = (transfer, problem) => change(transfer, { state: "refused", problem, request: null });

/** Requests the upload's state: when it is stored, at each event of the pipeline, and when the stream reopens. */
async function renew(transfer) {
  try {
    const upload = transfer.place ? await stateOf(transfer.place, transfer.size) : await get(`${ADDRESS}/${transfer.upload.upload_id}`);
    change(transfer, { upload });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Of a file in a bucket, an earlier version of the same size may be what the ledger has. */
const pending = () => transfers.filter(({ state, place, upload }) => state === "stored" && (place || !upload.is_final));

events.on("ingest", ({ path }) => pending().filter(({ upload }) => upload.path === path).forEach(renew));
events.on("state", (state) => state === "live" && pending().forEach(renew));
addEventListener("beforeunload", (event) => {
  if (transfers.some(({ state }) => ["queued", "sending", "resting"].includes(state))) event.preventDefault();
});
