// Who asks, and what they may do; a key is kept by the browser as a cookie that no script can read.

import { get, send } from "./api.js";

const ADDRESS = "/api/session";
let known = null;

/** {name, is_anonymous, scopes}: asked once, as it changes by logging in and out only. */
export function session() {
  known ??= get(ADDRESS).catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

/** Whether this browser may "read", "export" or "ingest". Where the server cannot say, it is let try. */
export async function may(scope) {
  try {
    return (await session()).scopes.includes(scope);
  } catch {
    return true;
  }
}

/** Throws ApiError where the key is none. */
export async function logIn(key) {
  await send(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
  known = null;
}

export async function logOut() {
  await send(ADDRESS, { method: "DELETE" });
  known = null;
}
