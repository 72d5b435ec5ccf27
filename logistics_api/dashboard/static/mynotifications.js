// The notifications of who has signed in: what they want, their inbox, and whether this browser shows what comes.

import { ApiError, get, send, url } from "./api.js";
import { at } from "./root.js";

export const MINE = "/api/me/notifications";
export const INBOX = "/api/me/inbox";
const BROWSERS = "/api/me/push-subscriptions";
const JSON_BODY = { "Content-Type": "application/json" };

/** Topics with their words; people may have chosen others by the API. */
export const TOPICS = { "*": "Everything", "alert.*": "Alerts", "report.*": "Reports", "notifications.*": "Failing endpoints" };

const post = (path, body) => send(path, { method: "POST", headers: JSON_BODY, body: JSON.stringify(body) });

/** Saves what a person wants. Throws ApiError; of status 409 if it was changed elsewhere meanwhile. */
export async function savePreferences({ version, time_zone, language, quiet_hours, channels }) {
  const headers = { ...JSON_BODY, "If-Match": `"${version}"` };
  await send(MINE, { method: "PUT", headers, body: JSON.stringify({ time_zone, language, quiet_hours, channels }) });
}

export const subscribeAgain = () => send(`${MINE}/subscribe-again`, { method: "POST" });

export async function sendTest(channel) {
  await post(`${MINE}/test`, { channel });
  tellOfUnread(await countUnread());
}

/** How many messages are unread; null if nobody has signed in or it is not known. */
export async function countUnread() {
  try {
    return (await get(url(INBOX, { limit: 1, unread: "true" }))).unread;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

/** Marks messages: {message_ids} or {up_to}, and whether they are read. Whoever shows a count hears of it. */
export async function mark(marks) {
  const { unread } = await (await post(`${INBOX}/marks`, marks)).json();
  tellOfUnread(unread);
}

const tellOfUnread = (unread) => document.dispatchEvent(new CustomEvent("unreadchange", { detail: unread }));

// -- this browser -----------------------------------------------------------------------------------------------------

/** Why this browser cannot show notifications, in a sentence; null if it can. */
export function obstacle() {
  if (!isSecureContext) return "Browsers show notifications of encrypted pages (https) and of this machine alone.";
  const isAble = "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
  return isAble ? null : "This browser cannot show notifications of pages. On an iPhone, add the page to the home screen first.";
}

/** The subscription of this browser; null without one. */
async function ownSubscription() {
  if (obstacle()) return null;
  const registration = await navigator.serviceWorker.getRegistration(at("/"));
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** Which of the person's browsers is this one; null: none. */
export async function thisBrowser(browsers) {
  const subscription = await ownSubscription();
  if (subscription === null) return null;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint)));
  const digest = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return browsers.find((browser) => browser.digest === digest) ?? null;
}

/** Has this browser show what comes. Throws an Error with a sentence if the browser or its person does not want to. */
export async function addThisBrowser(publicKey) {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("The browser was told not to show notifications of this page. Its settings for the page can change that.");
  await (await ownSubscription())?.unsubscribe(); // it may know another key, or be another person's
  await navigator.serviceWorker.register(at("/service-worker.js"), { scope: at("/") });
  const { pushManager } = await navigator.serviceWorker.ready;
  let subscription;
  try {
    subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  } catch (error) {
    throw new Error(`The push service of the browser could not be reached: ${error.message}`, { cause: error });
  }
  const { endpoint, keys } = subscription.toJSON();
  await post(BROWSERS, { endpoint, keys, name: browserName(navigator.userAgent) });
}

export async function removeBrowser({ subscription_id: id }, isThis) {
  await send(`${BROWSERS}/${id}`, { method: "DELETE" });
  if (isThis) await (await ownSubscription())?.unsubscribe();
}

/** Whoever signs out here leaves nothing behind that shows their notifications to the next one. */
export async function leaveThisBrowser() {
  const subscription = await ownSubscription();
  if (subscription === null) return;
  const known = await thisBrowser((await get(MINE)).push.subscriptions).catch(() => null);
  if (known) await removeBrowser(known, true).catch(() => {});
  else await subscription.unsubscribe();
}

const NAMES = { "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", Linux: "Linux" };

/** Firefox on Linux */
export function browserName(agent) {
  const find = (known) => Object.entries(known).find(([mark]) => agent.includes(mark))?.[1];
  return [find(NAMES) ?? "A browser", find(SYSTEMS)].filter(Boolean).join(" on ");
}
