// Requests about contracts: the pipeline serves them, and the page waits for the answer.

import { ApiError, get, send } from "../../api.js";
import { toast } from "../../components/dialogs.js";
import { openLogin } from "../../components/login.js";
import { pathOf } from "../../root.js";

const PAUSE = 500;

/** Calls `tell(request)` at each change until a request is final; resolves to it, or to null when the page is left. */
export async function followRequest(view, request, tell) {
  const leaving = new AbortController();
  view.atEnd(() => leaving.abort());
  let now = request;
  while (!leaving.signal.aborted) {
    tell(now);
    if (now.is_final) return now;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    now = await state(request.request_id, now);
  }
  return null;
}

/** As it was known before while the server cannot say. */
async function state(id, before) {
  try {
    return await get(`/api/contracts/requests/${id}`);
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isOfServer) throw error;
    return before;
  }
}

/** Makes a request and waits for it; resolves to the final request, or to null if it was refused. */
export async function ask(view, address, { method = "POST", type = "application/json", body = null, tell }) {
  try {
    const response = await send(pathOf(address) ?? address, { method, ...(body === null ? {} : { headers: { "Content-Type": type }, body }) });
    return await followRequest(view, await response.json(), tell);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 || error.status === 403) openLogin("Deciding on contracts requires an API key with the scope contracts.");
    else toast(`${error.title}: ${error.reason}`, "bad");
    return null;
  }
}
