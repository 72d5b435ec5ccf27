// One route: its figures, its delivery times by day and how they spread, the vehicles that serve it.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, decimal, hours, money, percent } from "../format.js";
import { labelOf, onTimeHours } from "../measures.js";
import { length } from "../ranges.js";
import { href } from "../router.js";
import { kpi } from "../components/kpi.js";
import { panel } from "../components/panel.js";
import { bar, table } from "../components/table.js";

export const title = (view) => `${view.arguments[0]} → ${view.arguments[1] ?? ""}`;

const PERCENTILES = { p50: "p50_delivery_time", p90: "p90_delivery_time", p95: "p95_delivery_time" };

export function build(view) {
  const [origin, destination] = view.arguments;
  const request = () => url("/api/route/details", { ...view.days(), origin, destination });
  const empty = ({ summary }) => (summary.total_shipments === 0 ? "No shipments on this route in this range" : null);
  return h(
    "div",
    { class: "grid" },
    panel(view, { title: "Key figures", className: "bare", placeholder: "6rem", request, csv: ({ summary }) => facts(summary), render: ({ summary }) => figures(summary) }),
    timesPanel(view, request, empty),
    distributionPanel(view, request, empty),
    vehiclesPanel(view, request),
    panel(view, { title: "Weight and revenue", className: "span-6", placeholder: "10rem", request, empty, csv: ({ summary }) => facts(summary), render: ({ summary }) => costs(summary) }),
  );
}

const facts = (summary) => ({ columns: Object.keys(summary).map((key) => ({ key })), rows: [summary] });

/** What none of the shipments has is not 0: `mean` is that of those that have it. */
const measured = (mean, value) => (mean === null ? { value: "not measured", unit: null } : { value });

function figures(summary) {
  if (summary.total_shipments === 0) return h("div", { class: "kpis small" }, kpi({ measure: "shipments", value: "0" }));
  const known = [
    { measure: "shipments", value: count(summary.total_shipments) },
    { measure: "revenue", ...measured(summary.avg_cost, compact(summary.total_cost)) },
    { measure: "avg_delivery_time", ...measured(summary.avg_delivery_time, decimal(summary.avg_delivery_time, 1)) },
    { label: "90 % arrive within", unit: "h", ...measured(summary.p90_delivery_time, decimal(summary.p90_delivery_time, 1)) },
    { measure: "on_time_rate", unit: null, value: percent(summary.on_time_delivery_rate) },
    ...(onTimeHours === null ? [] : [{ measure: "on_target_rate", label: `Within ${hours(onTimeHours)}`, unit: null, value: percent(summary.on_target_rate) }]),
    { measure: "reliability_score", value: percent(summary.reliability_score) },
  ];
  return h("div", { class: "kpis small" }, known.map(kpi));
}

function timesPanel(view, request, empty) {
  return panel(view, {
    title: "Delivery time by day",
    subtitle: "Mean of each day; the larger the point, the more shipments",
    className: "span-7",
    placeholder: "18rem",
    request,
    empty,
    csv: ({ daily }) => ({ columns: ["date", "shipments", "revenue", "avg_delivery_time"].map((key) => ({ key })), rows: daily }),
    render: ({ daily, summary }) =>
      chart({
        name: "route_times",
        rows: daily.map((row) => ({ ...row, mean: summary.avg_delivery_time })),
        summary: `Mean delivery time on ${daily.length} days, ${hours(summary.avg_delivery_time)} over all; shortest delivery ${hours(summary.min_delivery_time)}, longest ${hours(summary.max_delivery_time)}.`,
      }),
  });
}

function distributionPanel(view, request, empty) {
  return panel(view, {
    title: "How long deliveries take",
    subtitle: "Shipments by delivery time, with percentiles",
    className: "span-5",
    placeholder: "18rem",
    request,
    empty,
    csv: ({ distribution }) => ({ columns: ["lower", "upper", "shipments"].map((key) => ({ key })), rows: distribution.bins }),
    render: ({ distribution, summary }) => {
      const marks = Object.entries(PERCENTILES).map(([percentile, key]) => ({ percentile, hours: summary[key] })).filter((mark) => mark.hours !== null);
      return chart({
        name: "time_distribution",
        rows: [...distribution.bins, ...marks],
        summary: `Half of the deliveries take at most ${hours(summary.p50_delivery_time)}, 90 % at most ${hours(summary.p90_delivery_time)}, 95 % at most ${hours(summary.p95_delivery_time)}.`,
      });
    },
  });
}

function vehiclesPanel(view, request) {
  return panel(view, {
    title: "Vehicles",
    subtitle: "Vehicles with the most days on this route",
    className: "span-6",
    placeholder: "14rem",
    request,
    empty: ({ top_vehicles: vehicles }) => (vehicles.length ? null : "No vehicle served this route in this range"),
    csv: ({ top_vehicles: rows }) => ({ columns: ["vehicle_id", "name", "days"].map((key) => ({ key })), rows }),
    render: ({ top_vehicles: rows }) =>
      table({
        caption: "Vehicles with the most days on this route",
        rows,
        columns: [
          { key: "vehicle_id", label: "Vehicle", head: true, node: (value) => h("a", { href: href("vehicles", [value]) }, value) },
          { key: "name", label: "Name" },
          { key: "days", label: `Days of ${count(length(view.range))}`, number: true, node: (value) => bar((100 * value) / rows[0].days, count(value)) },
        ],
      }),
  });
}

function costs(summary) {
  const entries = {
    [labelOf("revenue")]: measured(summary.avg_cost, money(summary.total_cost)).value,
    [labelOf("revenue_per_shipment")]: money(summary.avg_cost),
    [labelOf("revenue_per_kg")]: money(summary.cost_per_kg),
    [labelOf("revenue_per_hour")]: money(summary.value_score),
    "Total weight": measured(summary.avg_weight, `${count(summary.total_weight)} kg`).value,
    "Mean weight": summary.avg_weight === null ? "–" : `${decimal(summary.avg_weight, 1)} kg`,
    "Median time": hours(summary.p50_delivery_time),
    "95 % arrive within": hours(summary.p95_delivery_time),
    "Shortest time": hours(summary.min_delivery_time),
    "Longest time": hours(summary.max_delivery_time),
    Variation: hours(summary.delivery_time_variation),
    "Vehicles used": count(summary.vehicles_used),
  };
  return h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}
