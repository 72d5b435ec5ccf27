// What the range cost: in all, by shipment, km and kg, by day or week, and on which routes.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, day, dayRange, decimal, money } from "../format.js";
import { columnOf, labelOf } from "../measures.js";
import { addDays, askable, everyDay } from "../ranges.js";
import { go, href } from "../router.js";
import { kpi } from "../components/kpi.js";
import { listPanel } from "../components/lists.js";
import { panel } from "../components/panel.js";
import { parameterSegments } from "../components/segments.js";
import { table } from "../components/table.js";

export const title = () => "Costs";
export const compared = true;

const LEAD = 6;
const NONE = "No shipments in this range";
const NO_COST = "No shipment in this range has a cost";
const routeName = ({ origin, destination }) => `${origin} → ${destination}`;

export function build(view) {
  const overview = () => url("/api/costs/overview", view.days());
  const daily = () => ({
    daily: url("/api/figures/daily", askable(led(view))),
    ...(view.compare && { previous: url("/api/figures/daily", askable(view.previous)) }),
  });
  return h(
    "div",
    { class: "grid" },
    keyFigures(view, overview),
    revenuePanel(view, daily),
    topPanel(view, overview),
    ratePanel(view, daily),
    routesPanel(view),
  );
}

function keyFigures(view, overview) {
  return panel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "6.5rem",
    request: () => ({ costs: overview(), summary: url("/api/figures/summary", view.days()) }),
    csv: ({ costs: { top_cost_routes: _, ...figures } }) => ({ columns: Object.keys(figures).map((key) => ({ key })), rows: [figures] }),
    render: ({ costs, summary }) => {
      const card = ({ change, before = "vs previous", ...given }) =>
        kpi({ ...given, change, versus: change == null ? "nothing to compare with" : before });
      const trend = summary.trend ?? {};
      return h(
        "div",
        { class: "kpis small" },
        card({ measure: "revenue", value: compact(costs.total_cost), change: costs.cost_growth_percentage, before: `from ${compact(costs.prev_total_cost)}` }),
        card({ measure: "revenue_per_shipment", value: decimal(costs.avg_cost_per_shipment), change: costs.avg_cost_growth_percentage, before: `from ${decimal(costs.prev_avg_cost)}` }),
        card({ measure: "revenue_per_km", value: decimal(costs.revenue_per_km), change: trend.revenue_per_km }),
        kpi({ measure: "revenue_per_kg", value: decimal(costs.cost_per_kg), versus: "where both are known" }),
        card({ measure: "shipments", value: count(costs.total_shipments), change: trend.shipments }),
        kpi({ measure: "vehicles_used", value: count(costs.vehicles_used), versus: `${money(costs.vehicles_used ? costs.total_cost / costs.vehicles_used : null)} each` }),
      );
    },
  });
}

/** Days without a log have no revenue and no rate. */
const byDay = (view, { data }, range) => everyDay(data, range, view.known, { shipments: 0, revenue: 0, mileage: 0, revenue_per_km: null });
const led = (view) => ({ start: addDays(view.range.start, -LEAD), end: view.range.end });

function revenuePanel(view, request) {
  const weekly = () => view.get("by") === "week";
  const rows = ({ daily, previous }) => {
    const before = previous && byDay(view, previous, view.previous);
    return byDay(view, daily, led(view)).map((row, i) => ({
      date: row.date, revenue: row.revenue ?? null, ...(i < LEAD ? { lead: true } : { previous: before?.[i - LEAD]?.revenue ?? null }),
    }));
  };
  const days = (answer) => rows(answer).filter(({ lead }) => !lead);
  return panel(view, {
    title: () => `Revenue by ${weekly() ? "week" : "day"}`,
    subtitle: "Sum of the shipments' cost",
    className: "span-7",
    placeholder: "18rem",
    request,
    actions: [parameterSegments(view, { label: "By", name: "by", options: { day: "Day", week: "Week" } })],
    empty: (answer) => (days(answer).some(({ revenue }) => revenue) ? null : byDay(view, answer.daily, view.range).some(({ shipments }) => shipments) ? NO_COST : NONE),
    csv: (answer) =>
      weekly()
        ? { columns: ["start", "end", "days", "revenue"].map((key) => ({ key })), rows: weeks(days(answer)) }
        : { columns: ["date", "revenue", ...(view.compare ? ["previous"] : [])].map((key) => ({ key })), rows: days(answer) },
    render: (answer) => (weekly() ? weekChart(weeks(days(answer))) : dayChart(view, rows(answer), days(answer))),
  });
}

function dayChart(view, rows, shown) {
  const peak = shown.reduce((best, row) => (row.revenue > best.revenue ? row : best));
  return chart({
    name: "daily_revenue",
    rows,
    height: 335,
    legend: [{ words: "Day", kind: "day" }, { words: "7-day mean", kind: "mean" }, ...(view.compare ? [{ words: "Previous range", kind: "previous" }] : [])],
    summary: `Revenue by day: ${compact(shown.reduce((sum, row) => sum + row.revenue, 0))} in ${shown.length} days, most on ${day(peak.date)} (${compact(peak.revenue)}).`,
  });
}

function weekChart(rows) {
  const peak = rows.reduce((best, row) => (row.revenue > best.revenue ? row : best));
  return chart({
    name: "weekly_revenue",
    rows: rows.map((row) => ({ ...row, next: addDays(row.monday, 7), days: `${dayRange(row.start, row.end)}${row.days < 7 ? ` (${row.days} of 7 days)` : ""}`, partial: row.days < 7 })),
    height: 335,
    legend: [{ words: "Week", kind: "whole" }, ...(rows.some((row) => row.days < 7) ? [{ words: "Partial week", kind: "day" }] : [])],
    summary: `Revenue by week: ${rows.length} weeks, most in the one from ${day(peak.start)} (${compact(peak.revenue)}).`,
  });
}

/** Weeks from Monday; the first and the last may lie in the range only in part. */
function weeks(days) {
  const found = new Map();
  for (const { date, revenue, previous } of days) {
    const monday = addDays(date, -((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7));
    const week = found.get(monday) ?? { monday, start: date, end: date, days: 0, revenue: 0, previous: 0 };
    found.set(monday, { ...week, end: date, days: week.days + 1, revenue: week.revenue + revenue, previous: week.previous + (previous ?? 0) });
  }
  return [...found.values()];
}

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
        caption: "Routes with the most revenue",
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

function ratePanel(view, request) {
  const rows = ({ daily }) => {
    const all = byDay(view, daily, led(view));
    return all.slice(LEAD).map((row, i) => {
      const week = all.slice(i, i + LEAD + 1);
      const known = week.map(({ revenue_per_km: rate }) => rate ?? null).filter((rate) => rate !== null);
      return { date: row.date, rate: row.revenue_per_km ?? null, mean: known.length ? known.reduce((total, rate) => total + rate, 0) / known.length : null };
    });
  };
  return panel(view, {
    title: `${labelOf("revenue_per_km")} by day`,
    subtitle: "Trips of which revenue and distance are both known",
    placeholder: "15rem",
    request,
    empty: (answer) => (rows(answer).some(({ rate }) => rate !== null) ? null : NONE),
    csv: (answer) => ({ columns: [{ key: "date" }, { key: "rate" }], rows: rows(answer) }),
    render: (answer) => {
      const shown = rows(answer);
      const known = shown.filter(({ rate }) => rate !== null).sort((a, b) => a.rate - b.rate);
      return chart({
        name: "daily_rate",
        rows: shown,
        height: 180,
        legend: [{ words: "Day", kind: "day" }, { words: "7-day mean", kind: "mean" }],
        summary: `Revenue per km by day: lowest on ${day(known[0].date)} (${decimal(known[0].rate)}), highest on ${day(known.at(-1).date)} (${decimal(known.at(-1).rate)}).`,
      });
    },
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
      number("total_cost", labelOf("revenue"), money),
      number("avg_cost", labelOf("revenue_per_shipment"), money),
      number("total_trips", "Shipments", count),
      number("total_weight", "Weight, kg", count),
      number("unique_vehicles", "Vehicles", count),
    ],
  });
}
