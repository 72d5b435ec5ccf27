// One vehicle: its figures, how its days went, where it went, and its logs from the newest back.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, day, decimal, hours, money } from "../format.js";
import { columnOf, labelOf } from "../measures.js";
import { listDays } from "../ranges.js";
import { href } from "../router.js";
import { kpi } from "../components/kpi.js";
import { morePanel } from "../components/more.js";
import { panel } from "../components/panel.js";
import { parameterSegments } from "../components/segments.js";
import { table } from "../components/table.js";

export const title = (view) => view.arguments.join("/");

const MEASURES = {
  daily_revenue: { words: "Revenue", format: compact },
  daily_mileage: { words: "Distance", unit: "km", format: (value) => `${count(value)} km` },
  daily_deliveries: { words: "Shipments", format: count },
  daily_fuel: { words: "Fuel", unit: "L", format: (value) => `${count(value)} L` },
};
const DAY_COLUMNS = ["date", "trips", ...Object.keys(MEASURES)].map((key) => ({ key }));
const LOGS = 25;

export function build(view) {
  const id = title(view);
  const request = () => url(`/api/vehicles/${encodeURIComponent(id)}/details`, view.days());
  return h(
    "div",
    { class: "grid" },
    keyFigures(view, request),
    factsPanel(view, request),
    daysPanel(view, request),
    routesPanel(view, request),
    logsPanel(view, id),
  );
}

/** One object per calendar day; a day without a log has nothing. */
function everyDay(view, days) {
  const known = new Map(days.map((row) => [row.date, row]));
  const nothing = { trips: 0, daily_mileage: 0, daily_fuel: 0, daily_revenue: 0, daily_deliveries: 0 };
  return listDays(view.range).map((date) => known.get(date) ?? { date, ...nothing });
}

/** A sum that nothing was measured for is not 0. */
const measured = (sum, trips) => (trips ? { value: compact(sum) } : { value: "not measured", unit: null });

function keyFigures(view, request) {
  return panel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "9rem",
    request,
    csv: ({ summary }) => ({ columns: Object.keys(summary).map((key) => ({ key })), rows: [summary] }),
    render: ({ summary, daily_performance: days }) => {
      const all = everyDay(view, days);
      const points = (key) => all.map((row) => row[key]);
      const driven = `on ${count(days.length)} of ${count(all.length)} days`;
      return h(
        "div",
        { class: "kpis" },
        kpi({ measure: "revenue", ...(summary.revenue_per_trip === null && summary.deliveries_completed > 0 ? { value: "not measured", unit: null } : { value: compact(summary.total_revenue) }), versus: `${money(summary.revenue_per_trip)} per trip`, points: points("daily_revenue") }),
        kpi({ measure: "trips", value: count(summary.total_trips), versus: driven, points: points("trips") }),
        kpi({ measure: "shipments", value: count(summary.deliveries_completed), versus: `in ${hours(summary.avg_delivery_time)} on average`, points: points("daily_deliveries") }),
        kpi({ measure: "mileage", ...measured(summary.period_mileage, summary.mileage_count), versus: `${compact(summary.lifetime_mileage)} km in its life`, points: points("daily_mileage") }),
        kpi({ measure: "fuel", ...measured(summary.total_fuel, summary.fuel_count), versus: `${decimal(summary.fuel_per_trip, 1)} L per trip`, points: points("daily_fuel") }),
        kpi({ measure: "fuel_efficiency", value: decimal(summary.fuel_efficiency), versus: "where both are known", points: all.filter((row) => row.daily_fuel).map((row) => row.daily_mileage / row.daily_fuel) }),
      );
    },
  });
}

function daysPanel(view, request) {
  const measure = () => (MEASURES[view.get("measure")] ? view.get("measure") : Object.keys(MEASURES)[0]);
  return panel(view, {
    title: () => `${MEASURES[measure()].words} by day`,
    className: "span-7",
    placeholder: "18rem",
    request,
    actions: [parameterSegments(view, { label: "Measure", name: "measure", options: Object.fromEntries(Object.entries(MEASURES).map(([key, { words }]) => [key, words])) })],
    empty: ({ daily_performance: days }) => (days.length ? null : "No trip of this vehicle in this range"),
    csv: ({ daily_performance: rows }) => ({ columns: DAY_COLUMNS, rows }),
    render: ({ daily_performance: days }) => {
      const key = measure();
      const { words, format, unit } = MEASURES[key];
      const best = days.reduce((most, row) => (row[key] > most[key] ? row : most));
      return chart({
        name: "vehicle_days",
        rows: everyDay(view, days).map((row) => ({ ...row, value: row[key], unit: unit ?? "" })),
        summary: `${words} on ${days.length} days; most on ${day(best.date)}: ${format(best[key])}.`,
      });
    },
  });
}

function factsPanel(view, request) {
  return panel(view, {
    title: "Vehicle",
    placeholder: "4rem",
    request,
    csv: ({ summary }) => ({ columns: Object.keys(summary).map((key) => ({ key })), rows: [summary] }),
    render: ({ summary }) => {
      const entries = {
        Name: summary.name ?? "Not in the master data",
        "Lifetime distance": summary.lifetime_mileage === null ? "–" : `${decimal(summary.lifetime_mileage)} km`,
        Distance: summary.mileage_count ? `${decimal(summary.period_mileage)} km` : "not measured",
        Fuel: summary.fuel_count ? `${decimal(summary.total_fuel)} L` : "not measured",
        Revenue: money(summary.total_revenue),
        [labelOf("avg_delivery_time")]: hours(summary.avg_delivery_time),
      };
      return h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
    },
  });
}

function routesPanel(view, request) {
  return panel(view, {
    title: "Top routes",
    subtitle: "Most frequent in this range",
    className: "span-5",
    placeholder: "16rem",
    request,
    empty: ({ top_routes: rows }) => (rows.length ? null : "No shipments in this range"),
    csv: ({ top_routes: rows }) => ({ columns: ["origin", "destination", "route_trips", "avg_route_time", "avg_route_revenue"].map((key) => ({ key })), rows }),
    render: ({ top_routes: rows }) =>
      table({
        caption: "The vehicle's most frequent routes",
        rows,
        columns: [
          { key: "origin", label: "Route", head: true, wrap: true, node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, `${row.origin} → ${row.destination}`) },
          { key: "route_trips", label: "Trips", number: true, format: count },
          { key: "avg_route_time", ...columnOf("avg_delivery_time"), number: true, format: (value) => hours(value) },
          { key: "avg_route_revenue", ...columnOf("revenue_per_shipment"), number: true, format: (value) => money(value) },
        ],
      }),
  });
}

function logsPanel(view, id) {
  return morePanel(view, {
    title: "Logs",
    subtitle: () => `Newest first, up to ${day(view.range.end)}`,
    placeholder: "24rem",
    name: "logs",
    size: LOGS,
    path: "/api/vehicle-logs",
    parameters: () => ({ vehicle_id: id, trip_date_to: view.range.end, sort: "-trip_date", source: true, count: "none" }),
    items: ({ data }) => data,
    more: "Load older",
    empty: "No trips of this vehicle up to this day",
    csv: (rows) => ({ columns: ["log_id", "trip_date", "mileage", "fuel_used", "file_path", "record_no"].map((key) => ({ key })), rows }),
    list: (rows) =>
      table({
        caption: "Logs of the vehicle, newest first",
        rows,
        columns: [
          { key: "log_id", label: "Log", head: true, node: (value) => h("a", { href: href("data", [], { dataset: "shipments", log_id: value }), title: "Its shipments" }, value) },
          { key: "trip_date", label: "Day", format: (value) => day(value) },
          { key: "mileage", label: "Distance, km", number: true, format: (value) => decimal(value) },
          { key: "fuel_used", label: "Fuel, L", number: true, format: (value) => decimal(value) },
          { key: "file_path", label: "Came from", node: (value, row) => h("a", { href: href("pipeline", [], { file: row.file_id }) }, `${value}, record ${count(row.record_no)}`) },
        ],
      }),
  });
}
