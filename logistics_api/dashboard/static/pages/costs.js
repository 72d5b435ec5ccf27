// What the range cost: in all, by shipment, km and kg, by day or week, and on which routes.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, decimal, money } from "../format.js";
import { columnOf, labelOf } from "../measures.js";
import { askable } from "../ranges.js";
import { go, href } from "../router.js";
import { kpi } from "../components/kpi.js";
import { listPanel } from "../components/lists.js";
import { panel } from "../components/panel.js";
import { table } from "../components/table.js";
import { timePanel } from "../components/timechart.js";

export const title = () => "Costs";
export const compared = true;

const NO_RATE = "No trip in this range has both revenue and distance";
const NO_COST = "No shipment in this range has a cost";
const routeName = ({ origin, destination }) => `${origin} → ${destination}`;

export function build(view) {
  const overview = () => url("/api/costs/overview", view.days());
  return h(
    "div",
    { class: "grid" },
    keyFigures(view, overview),
    timePanel(view, { words: labelOf("revenue"), subtitle: "Sum of the shipments' cost", name: "daily_revenue", key: "revenue", format: compact, missing: NO_COST, height: 365, className: "span-7", placeholder: "18rem" }),
    topPanel(view, overview),
    timePanel(view, {
      words: labelOf("revenue_per_km"),
      subtitle: "Trips of which revenue and distance are both known",
      name: "daily_rate", key: "revenue_per_km", field: "rate", mean: "7 days together",
      format: (value) => decimal(value), missing: NO_RATE, height: 180, placeholder: "15rem",
    }),
    routesPanel(view),
  );
}

function keyFigures(view, overview) {
  return panel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "6.5rem",
    request: () => ({
      costs: overview(),
      summary: url("/api/figures/summary", { ...view.days(), compare: view.sameWeekdays ? "weekday" : null }),
      ...(view.sameWeekdays && { before: url("/api/costs/overview", askable(view.previous)) }),
    }),
    csv: ({ costs: { top_cost_routes: _, ...figures } }) => ({ columns: Object.keys(figures).map((key) => ({ key })), rows: [figures] }),
    render: ({ costs, summary, before = earlier(costs) }) => {
      const card = ({ change, from = view.sameWeekdays ? "vs same weekdays" : "vs previous", ...given }) =>
        kpi({ ...given, change, versus: change == null ? "nothing to compare with" : from });
      const rate = costs.revenue_per_km === null && costs.total_shipments > 0 ? { value: "not measured", unit: null } : { value: decimal(costs.revenue_per_km) };
      const trend = summary.trend ?? {};
      return h(
        "div",
        { class: "kpis small" },
        card({ measure: "revenue", ...(costs.avg_cost_per_shipment === null && costs.total_shipments > 0 ? { value: "not measured", unit: null } : { value: compact(costs.total_cost) }), change: growth("total_cost", costs, before), from: `from ${compact(before.total_cost)}` }),
        card({ measure: "revenue_per_shipment", value: decimal(costs.avg_cost_per_shipment), change: growth("avg_cost_per_shipment", costs, before), from: `from ${decimal(before.avg_cost_per_shipment)}` }),
        card({ measure: "revenue_per_km", ...rate, change: trend.revenue_per_km }),
        kpi({ measure: "revenue_per_kg", value: decimal(costs.cost_per_kg), versus: "where both are known" }),
        card({ measure: "shipments", value: count(costs.total_shipments), change: trend.shipments }),
        kpi({ measure: "vehicles_used", value: count(costs.vehicles_used), versus: `${money(costs.vehicles_used ? costs.total_cost / costs.vehicles_used : null)} each` }),
      );
    },
  });
}

/** The range before, as the overview of a range gives it. */
const earlier = (costs) => ({
  total_cost: costs.prev_total_cost, avg_cost_per_shipment: costs.prev_avg_cost,
  growth: { total_cost: costs.cost_growth_percentage, avg_cost_per_shipment: costs.avg_cost_growth_percentage },
});
const growth = (key, now, before) => (before.growth ? before.growth[key] : before[key] && now[key] !== null ? (100 * (now[key] - before[key])) / before[key] : null);

function topPanel(view, request) {
  return panel(view, {
    title: "Routes with the most revenue",
    subtitle: "Routes with at least 5 shipments; click a bar to open one",
    className: "span-5",
    placeholder: "18rem",
    request,
    empty: ({ top_cost_routes: rows }) => (rows.some(({ total_cost: cost }) => cost) ? null : rows.length ? NO_COST : "No route has 5 shipments in this range"),
    csv: ({ top_cost_routes: rows }) => ({ columns: ["origin", "destination", "total_cost", "shipment_count", "avg_cost"].map((key) => ({ key })), rows }),
    render: ({ top_cost_routes: rows }) => [
      chart({
        name: "costliest_routes",
        rows: rows.map((row) => ({ ...row, route: routeName(row), total_trips: row.shipment_count })),
        height: 150,
        onSelect: (row) => go(href("routes", [row.origin, row.destination])),
        summary: `Routes with the most revenue: ${rows.map((row) => `${routeName(row)} ${compact(row.total_cost)}`).join(", ")}.`,
      }),
      table({
        caption: "Routes with the most revenue as a table",
        rows,
        columns: [
          { key: "origin", label: "Route", head: true, node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, routeName(row)) },
          { key: "shipment_count", label: "Shipments", number: true, format: count },
          { key: "avg_cost", ...columnOf("revenue_per_shipment"), number: true, format: (value) => money(value) },
        ],
      }),
    ],
  });
}

function routesPanel(view) {
  const number = (key, label, format) => ({ key, label, number: true, format: (value) => format(value) });
  return listPanel(view, {
    title: "Revenue by route",
    subtitle: "Routes with at least 5 shipments in the range",
    caption: "Routes by revenue",
    placeholder: "24rem",
    path: "/api/shipments/routes",
    parameters: () => view.days(),
    sort: { by: "total_cost", order: "desc" },
    columns: [
      { key: "origin", label: "Origin", head: true, node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.origin) },
      { key: "destination", label: "Destination", node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.destination) },
      { key: "total_cost", ...columnOf("revenue"), number: true, format: (value, row) => (row.avg_cost === null ? "–" : money(value)) },
      { key: "avg_cost", ...columnOf("revenue_per_shipment"), number: true, format: money },
      number("total_trips", "Shipments", count),
      number("total_weight", "Weight, kg", count),
      number("unique_vehicles", "Vehicles", count),
    ],
  });
}
