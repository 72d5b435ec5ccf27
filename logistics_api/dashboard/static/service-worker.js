// Shows the notifications that a push service brings, and opens what they are about. It keeps nothing, and answers no request.

const root = new URL("./", location.href);
const OWN_PAGE = "my-notifications";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("push", (event) => event.waitUntil(show(event.data)));
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path));
});
addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

/** Browsers take the right to push away from who shows nothing: whatever came is shown. */
function show(data) {
  const { title = "Logistics Analytics", text = "", path = null, tag = "", urgent = false } = noteIn(data);
  return registration.showNotification(String(title), { body: String(text), tag: String(tag), renotify: tag !== "", requireInteraction: urgent === true, data: { path } });
}

function noteIn(data) {
  try {
    return data.json() ?? {};
  } catch {
    return {};
  }
}

async function open(path) {
  const address = addressOf(path);
  const windows = await clients.matchAll({ type: "window" });
  const known = windows.find(({ url }) => url === address);
  return known ? known.focus() : clients.openWindow(address);
}

/** The address of a page of the dashboard; that of the person's notifications for anything else. */
function addressOf(path) {
  const found = typeof path === "string" && path.startsWith("/") ? new URL(path.slice(1), root).href : "";
  return found.startsWith(root.href) ? found : new URL(OWN_PAGE, root).href;
}

/** The push service has ended the subscription: another one takes its place, as long as the session lasts. */
async function renew({ oldSubscription: old, newSubscription: given }) {
  const subscription = given ?? (await registration.pushManager.subscribe(old.options));
  const { endpoint, keys } = subscription.toJSON();
  await fetch(new URL("api/me/push-subscriptions", root), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ endpoint, keys }),
  });
}
