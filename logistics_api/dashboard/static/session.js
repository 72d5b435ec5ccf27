// The current user and their permissions. The browser holds the API key in a cookie that no script can read.

import { get, send } from "./api.js";

const ADDRESS = "/api/session";
let known = null;

/** {name, is_anonymous, scopes}: requested once, because only login and logout change it. */
export function session() {
  known ??= get(ADDRESS).catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

/** Whether this browser may "read", "export" or "ingest". If the server cannot say, the action is allowed. */
export async function may(scope) {
  try {
    return (await session()).scopes.includes(scope);
  } catch {
    return true;
  }
}

/** Throws ApiError if the API key is invalid. */
export async function logIn(key) {
  await send(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
  known = null;
}

export async function logOut() {
  await send(ADDRESS, { method: "DELETE" });
  known = null;
}
