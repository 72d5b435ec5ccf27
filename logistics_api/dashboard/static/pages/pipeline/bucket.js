// Files that are sent to a bucket, past the API: to an address that the API hands out, where a place takes uploads.

import { ApiError, get, send, url } from "../../api.js";

/** Name of the source whose bucket takes uploads; null if files are sent to the API. */
export const UPLOAD_PLACE = document.querySelector('meta[name="logistics-upload-place"]').content || null;

const ADDRESSES = "/api/ingestion/upload-addresses";
const FINAL = new Set(["loaded", "failed", "unloaded", "unrecognised"]);
const WORDS = { registered: "The file is in the ledger, waiting for a run.", loading: "The file is being loaded.", loaded: "The file is loaded." };

/** Where a file can be sent: {url, headers, source, path, made_at}. Throws ApiError. */
export async function addressFor({ dataset, name, size, replace }) {
  const response = await send(url(ADDRESSES, { dataset, filename: name, replace: replace || null, size_bytes: size }), { method: "POST" });
  return response.json();
}

/** Has the place looked at, so that the file is found at once. It is found in any case, so nothing depends on it. */
export async function askForLook(source) {
  try {
    await send(`/api/sources/${source}/pull`, { method: "POST" });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** The state of a file that was stored, as that of an upload; as long as the ledger does not have it, it waits. */
export async function stateOf({ path, made_at: madeAt, source }, size) {
  const { items } = await get(url("/api/ingestion/files", { path_prefix: path, current: true, limit: 20 }));
  const file = items.find((each) => each.path === path && (each.registered_at >= madeAt || each.size_bytes === size));
  if (!file) return { path, state: "waiting", is_final: false, detail: `The file is in the bucket of ${source}, waiting for the pipeline's sensor to find it.`, same_content: null, file: null };
  return { path, state: file.state, is_final: FINAL.has(file.state), detail: file.error ?? WORDS[file.state] ?? "", same_content: null, file };
}
