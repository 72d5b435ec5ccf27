// The four lists of routes: volume, reliability, cost and value, what to improve. The API searches, sorts and pages them.

import { h } from "../dom.js";
import { count, decimal, hours, money, percent } from "../format.js";
import { columnOf, labelOf, measure, onTimeHours } from "../measures.js";
import { href } from "../router.js";
import { badge } from "../components/badges.js";
import { listPanel } from "../components/lists.js";
import { bar } from "../components/table.js";

export const title = () => "Routes";

const ends = [
  { key: "origin", label: "Origin", head: true, node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.origin) },
  { key: "destination", label: "Destination", node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.destination) },
];
const number = (key, label, format = money, more = {}) => ({ key, label, format: (value) => format(value), number: true, ...more });
/** A column of a measure, with what it means. */
const figure = (key, name, format = money, more = {}) => number(key, labelOf(name), format, { title: measure(name).definition, ...more });
/** A sum over nothing is not 0: the mean of the same values says whether there are any. */
const known = (mean, format) => ({ format: (value, row) => (row[mean] === null ? "–" : format(value)) });
const share = (key, name, label = labelOf(name)) => ({ key, ...columnOf(name), label, number: true, node: (value) => (value === null ? "–" : bar(value, percent(value))) });

const VALUES = { "High Value": "good", "Medium Value": null, "Low Value": "warn" };
const ADVICE = {
  "High delivery time": "bad",
  "High cost per weight": "warn",
  "Low volume, high cost": "warn",
  "Performing within normal parameters": "good",
};

/** "High delivery time - Consider route optimization": the badge shows the finding, the text beside it what to do. */
function advice(text, { recommendation_basis: basis }) {
  const [found, action] = text.split(" - ");
  return [badge(found === "Performing within normal parameters" ? "Normal" : found, ADVICE[found]), action && h("span", { class: "muted" }, ` ${action}`), basis && h("div", { class: "muted" }, reason(basis))];
}

/** The number that a recommendation rests on: "Delivery time 52.4 h, above 44.1 h". */
function reason({ measure: name, value, threshold }) {
  const isTime = name === "avg_delivery_time";
  const alike = (digits) => decimal(value, digits) === decimal(threshold, digits);
  const digits = [isTime ? 1 : 2, 4].find((number) => !alike(number)) ?? 6; // as many as tell them apart
  const format = (number) => `${decimal(number, digits)}${isTime ? " h" : ""}`;
  return `${labelOf(name)} ${format(value)}, above ${format(threshold)}`;
}

const LISTS = {
  volume: {
    words: "Volume",
    title: "Volume and revenue",
    path: "/api/shipments/routes",
    sort: { by: "total_trips", order: "desc" },
    columns: [
      ...ends,
      number("total_trips", "Shipments", count),
      figure("avg_delivery_time", "avg_delivery_time", hours),
      number("min_delivery_time", "Shortest", hours),
      number("max_delivery_time", "Longest", hours),
      figure("total_cost", "revenue", money, known("avg_cost", money)),
      figure("avg_cost", "revenue_per_shipment"),
      number("cost_per_trip", "of all", money, { title: `${labelOf("revenue_per_all_shipments")}: ${measure("revenue_per_all_shipments").definition}` }),
      number("total_weight", "Weight, kg", count),
      number("unique_vehicles", "Vehicles", count),
    ],
  },
  reliability: {
    words: "Reliability",
    title: "Reliability",
    path: "/api/route/reliability",
    sort: { by: "reliability_score", order: "desc" },
    columns: [
      ...ends,
      number("total_deliveries", "Deliveries", count),
      share("reliability_score", "reliability_score"),
      share("on_time_delivery_rate", "on_time_rate"),
      ...(onTimeHours === null ? [] : [share("on_target_rate", "on_target_rate", `Within ${hours(onTimeHours)}`)]),
      figure("avg_delivery_time", "avg_delivery_time", hours),
      number("delivery_time_variation", "Variation", hours, { title: "Sample standard deviation of the delivery times" }),
    ],
  },
  value: {
    words: "Revenue and value",
    title: "Revenue and value",
    path: "/api/route/cost-value",
    sort: { by: "value_score", order: "desc" },
    columns: [
      ...ends,
      number("total_shipments", "Shipments", count),
      number("avg_shipment_weight", "Mean weight, kg", (value) => decimal(value, 1)),
      figure("avg_cost", "revenue_per_shipment"),
      figure("cost_per_kg", "revenue_per_kg"),
      figure("value_score", "revenue_per_hour"),
      { key: "value_category", label: "Category", node: (value) => (value === null ? "–" : badge(value, VALUES[value])) },
    ],
  },
  optimization: {
    words: "Recommendations",
    title: "What to improve",
    path: "/api/route/optimization",
    sort: { by: "optimization_recommendation", order: "asc" }, // what is normal comes last
    columns: [
      ...ends,
      { key: "optimization_recommendation", label: "Recommendation", node: advice, wrap: true },
      number("cost_time_efficiency", "Per\u00a0kg and\u00a0hour", (value) => decimal(value, 2), { title: measure("revenue_per_kg_per_hour").definition }),
      number("total_shipments", "Shipments", count),
      figure("avg_delivery_time", "avg_delivery_time", hours),
      figure("avg_cost", "revenue_per_shipment"),
      number("avg_weight", "Mean weight, kg", (value) => decimal(value, 1)),
      figure("total_cost", "revenue", money, known("avg_cost", money)),
      number("total_weight", "Weight, kg", count, known("avg_weight", count)),
    ],
  },
};

export function build(view) {
  const chosen = () => (LISTS[view.get("list")] ? view.get("list") : "volume");
  const tabs = Object.entries(LISTS).map(([name, { words }]) => h("button", { type: "button", onclick: () => choose(name) }, words));
  const bar = h("div", { class: "segments", role: "group", "aria-label": "List" }, tabs);
  // Search stays when the list changes; columns differ, so sort and page do not.
  const choose = (name) => view.set({ list: name === "volume" ? null : name, sort: null, order: null, page: null });
  const panels = {};
  const host = h("div", {});
  const show = () => {
    const name = chosen();
    Object.keys(LISTS).forEach((key, i) => tabs[i].setAttribute("aria-pressed", String(key === name)));
    panels[name] ??= listPanel(view, {
      ...LISTS[name],
      subtitle: "Routes with at least 5 shipments in the range",
      caption: `Routes: ${LISTS[name].title}`,
      parameters: () => view.days(),
      active: () => chosen() === name,
      placeholder: "28rem",
    });
    if (host.firstChild !== panels[name]) host.replaceChildren(panels[name]);
  };
  view.follow(show);
  show();
  return h("div", { class: "grid" }, h("div", {}, bar), host);
}
