// What the figures do not say by themselves: how much was rejected, what waits, how old the newest day is.

import { h, replace } from "../dom.js";
import * as events from "../events.js";
import { count, day, percent, relative } from "../format.js";
import { icon } from "../icons.js";
import { addDays, length } from "../ranges.js";
import { href } from "../router.js";

const PAUSE = 1_000;
const today = () => {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
};

/** A line above the figures; it follows loads as well as refreshes. */
export function dataStrip(view) {
  const list = h("ul", { class: "strip", "aria-label": "About the data" });
  const show = () => {
    const isOfFigures = view.known.data_version === view.status.data_version;
    replace(list, isOfFigures && entries(view.status));
    list.hidden = list.childElementCount === 0;
  };
  view.follow(show);
  let timer = null;
  const reload = () => {
    timer = null;
    view.reload();
  };
  // A load that ends changes these even if it changes no figures.
  view.atEnd(events.on("ingest", ({ state }) => state !== "loading" && (timer ??= setTimeout(reload, PAUSE))));
  view.atEnd(() => clearTimeout(timer));
  show();
  return list;
}

function entries(status) {
  return [rejected(status), warned(status.files_with_warning), waiting(status), shipmentsEnd(status), newestDay(status), future(status)]
    .filter(Boolean)
    .map(({ image, words, isWarning, link }) => h("li", { class: isWarning ? "warn" : null }, icon(image), link ? h("a", { href: link }, words) : h("span", {}, words)));
}

function rejected({ records: { read, rejected: records }, files_with_warning: warnings }) {
  if (records === 0) return null;
  const isWarning = warnings > 0;
  return { image: isWarning ? "warning" : "inbox", isWarning, link: href("pipeline"), words: `${count(records)} of ${count(read)} records rejected (${percent((100 * records) / read, 2)})` };
}

function warned(files) {
  return files > 0 ? { image: "warning", isWarning: true, link: href("pipeline"), words: `${count(files)} ${files === 1 ? "file has a warning" : "files have a warning"}` } : null;
}

function waiting({ unassigned_shipments: shipments, awaited_dataset: dataset }) {
  if (shipments === 0) return null;
  const words = `${count(shipments)} ${shipments === 1 ? "shipment waits" : "shipments wait"} for ${dataset} and ${shipments === 1 ? "is" : "are"} in no figure by day`;
  return { image: "warning", isWarning: true, link: href("data", [], { dataset: "shipments" }), words };
}

/** Where the newest logs have no shipments, and ranges therefore end earlier. */
function shipmentsEnd({ newest_day: newest, last_day: last }) {
  return newest && newest < last ? { image: "calendar", isWarning: true, words: `The newest shipments are of ${day(newest)}: ranges end there` } : null;
}

function newestDay({ last_day: last }) {
  if (last === null) return null;
  const age = last > today() ? 0 : length({ start: last, end: today() }) - 1;
  return { image: "calendar", isWarning: false, words: `Newest day ${day(last)}${age > 0 ? `, ${ago(age)}` : ""}` };
}

function ago(days) {
  if (days < 60) return relative().format(-days, "day");
  return days < 730 ? relative().format(-Math.round(days / 30.44), "month") : relative().format(-Math.round(days / 365.25), "year");
}

/** Dates of the future are mistakes, such as a GPS clock that has begun again: no range ends there. */
function future(status) {
  const days = status.future_days?.count ?? 0;
  if (days > 0) return { image: "warning", isWarning: true, words: `${count(days)} ${days === 1 ? "day lies" : "days lie"} in the future and ${days === 1 ? "is" : "are"} in no preset range`, link: href("data", [], { dataset: "vehicle_logs", sort: "-trip_date", trip_date_from: addDays(today(), 1) }) };
  return status.last_day > today() ? { image: "warning", isWarning: true, words: `The newest day, ${day(status.last_day)}, lies in the future` } : null;
}
