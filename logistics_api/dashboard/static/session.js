// Who is signed in and what they may do. The browser holds the key or the session in a cookie that no script can read.

import { get, send, url } from "./api.js";
import { at, pathOf } from "./root.js";

const ADDRESS = "/api/session";
let known = null;

/** Whether people can sign in with an identity provider. */
export const canSignIn = document.querySelector('meta[name="logistics-sign-in"]').content !== "";

/** Where a person signs in, to come back to a path of the dashboard: by default the present one. */
export function signInAddress(path = pathOf(location.pathname) + location.search) {
  return at(url("/api/sign-in", { return_to: path }));
}

/** {name, is_anonymous, scopes, method, roles, groups, …}: requested once, because only signing in and out change it. */
export function session() {
  known ??= get(ADDRESS).catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

/** Whether this browser may "read", "export", "ingest" and so on. If the server cannot say, the action is allowed. */
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
