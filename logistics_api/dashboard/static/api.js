// Requests to the API. The browser caches responses and their ETags, so a repeated request costs a 304.

import { on } from "./events.js";
import { at } from "./root.js";

/** A failed request: the problem of the response (RFC 9457), or that the API is unreachable. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail);
    this.status = status;
    this.kind = problem.type ?? "";
    this.title = problem.title;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** What was expected of each invalid parameter, or else what happened. */
  get reason() {
    return this.errors.map(({ parameter, expected }) => `${parameter}: ${expected}`).join("; ") || this.message;
  }

  /** Whether the request was valid, so that a retry may succeed. */
  get isOfServer() {
    return this.status === 0 || this.status >= 500;
  }
}

const UNREACHABLE = { title: "The server is not responding", detail: "Is it running? The page retries automatically." };
const underway = new Map();

/**
 * The newest data version that any answer had. Each request says so: another process of the API may read a replica that is
 * behind. An answer that is older all the same means that there is nothing newer, as after a restore.
 */
let seen = null;

function see(version, accepted) {
  if (seen === null || version > seen || (accepted !== null && version < accepted)) seen = version;
}

/** A path of the API with its query (`at()` makes an address of it); parameters that are null, undefined or "" are left out. */
export function url(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The JSON of a response. Identical concurrent requests are sent once. Throws ApiError. */
export function get(address) {
  if (!underway.has(address)) {
    const answer = ask(address).finally(() => underway.get(address) === answer && underway.delete(address));
    underway.set(address, answer);
  }
  return underway.get(address);
}

// A response requested before the change may not include it.
for (const news of ["data_version", "ingest", "sources", "forecasts", "models", "alerts"]) on(news, () => underway.clear());

async function ask(address) {
  return (await send(address)).json();
}

/**
 * Figures with their data version: {data, version, stale, at}. `version` is null if the response declares none; `at` is when
 * it was last known to be current, in milliseconds; `stale` says that it may no longer be. With `pinned`, the figures of that
 * version, or an ApiError. Identical concurrent requests are sent once.
 */
export function getFigures(address, pinned = null) {
  const key = `${pinned} ${address}`;
  if (!underway.has(key)) {
    const answer = askFigures(address, pinned).finally(() => underway.get(key) === answer && underway.delete(key));
    underway.set(key, answer);
  }
  return underway.get(key);
}

async function askFigures(address, pinned) {
  const response = await send(address, pinned === null ? {} : { headers: { "If-Data-Version": pinned } });
  const version = response.headers.get("Data-Version");
  const stale = isStale(response);
  const age = stale ? Number(response.headers.get("Age")) || 0 : 0;
  return { data: await response.json(), version: version === null ? null : Number(version), stale, at: Date.now() - age * 1000 };
}

/** Whether figures may be outdated, as the database is unavailable. */
const isStale = (response) => /^110\b/.test(response.headers.get("Warning") ?? "");

/** Any request; throws ApiError unless it succeeds. */
export async function send(address, options = {}) {
  let response;
  const headers = new Headers(options.headers);
  const accepted = headers.has("If-Data-Version") ? null : seen;
  if (accepted !== null) headers.set("Min-Data-Version", accepted);
  try {
    response = await fetch(at(address), { credentials: "same-origin", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, UNREACHABLE, 5);
  }
  if (response.ok) {
    if (response.headers.has("Data-Version") && !isStale(response)) see(Number(response.headers.get("Data-Version")), accepted);
    return response;
  }
  throw new ApiError(response.status, await problem(response), Number(response.headers.get("Retry-After")) || null);
}

async function problem(response) {
  try {
    return await response.json();
  } catch {
    return { title: `Error ${response.status}`, detail: response.statusText };
  }
}
