// Moments as people say them: 5 minutes ago.

import { h } from "../dom.js";
import { ago, moment } from "../format.js";

/** A moment as people say it, with the exact one for those who ask. */
export const when = (text) => (text ? h("time", { datetime: text, title: moment(text) }, ago(text)) : "–");

/** Keeps what `when` says true while the page is open. */
export function keepTimes(view, host) {
  const tell = () => document.hidden || host.querySelectorAll("time").forEach((time) => (time.textContent = ago(time.dateTime)));
  const clock = setInterval(tell, 20_000);
  view.atEnd(() => clearInterval(clock));
}
