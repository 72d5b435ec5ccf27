// The fleet: what it did in the range, who stands out, and every vehicle in one table.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, decimal, hours, money } from "../format.js";
import { labelOf } from "../measures.js";
import { go, href } from "../router.js";
import { kpi } from "../components/kpi.js";
import { comparison, rowsPanel } from "../components/lists.js";
import { panel } from "../components/panel.js";
import { bar } from "../components/table.js";

export const title = () => "Vehicles";

const RANKED = 10;
const NONE = "No vehicle drove in this range";
const open = ({ vehicle_id: id }) => go(href("vehicles", [id]));
const words = ({ vehicle_id: id, name }) => (name ? `${id} ${name}` : id);

export function build(view) {
  const vehicles = () => url("/api/vehicles/metrics", view.days());
  return h("div", { class: "grid" }, keyFigures(view, vehicles), spreadPanel(view, vehicles), rankPanel(view, vehicles), listPanel(view, vehicles));
}

function keyFigures(view, vehicles) {
  return panel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "6.5rem",
    request: () => ({ vehicles: vehicles(), summary: url("/api/figures/summary", view.days()) }),
    csv: ({ vehicles: rows, summary }) => ({ columns: ["figure", "value"].map((key) => ({ key })), rows: Object.entries(totals(rows, summary)).map(([figure, value]) => ({ figure, value })) }),
    render: ({ vehicles: rows, summary }) => {
      const { trips, distance, fuel, shipments, measured_trips: measuredTrips, fuel_trips: fuelTrips, active_vehicles: active, fuel_per_100_km: thirst } = totals(rows, summary);
      const versus = (key) => (summary.trend?.[key] == null ? "nothing to compare with" : "vs previous");
      return h(
        "div",
        { class: "kpis small" },
        kpi({ measure: "active_vehicles", value: count(active), change: summary.trend?.active_vehicles, versus: versus("active_vehicles") }),
        kpi({ measure: "trips", value: count(trips), versus: `${decimal(active ? trips / active : null, 1)} per vehicle` }),
        kpi({ measure: "mileage", ...measured(distance, measuredTrips), versus: measuredTrips ? `${compact(active ? distance / active : null)} km per vehicle` : "no log has a distance" }),
        kpi({ measure: "shipments", value: count(shipments), versus: `${decimal(trips ? shipments / trips : null, 2)} per trip` }),
        kpi({ measure: "fuel", ...measured(fuel, fuelTrips), versus: fuelTrips ? `${compact(active ? fuel / active : null)} L per vehicle` : "no log has the fuel used" }),
        kpi({ measure: "fuel_per_100_km", value: decimal(thirst, 1), unit: "L", change: summary.trend?.fuel_per_100_km, versus: versus("fuel_per_100_km") }),
      );
    },
  });
}

/** A sum that nothing was measured for is not 0. */
const measured = (sum, trips) => (trips ? { value: compact(sum) } : { value: "not measured", unit: null });

function totals(rows, { current }) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  return {
    active_vehicles: current.active_vehicles,
    trips: sum("total_trips"),
    distance: sum("total_mileage"),
    shipments: sum("shipments_delivered"),
    fuel: sum("total_fuel"),
    measured_trips: sum("mileage_count"),
    fuel_trips: sum("fuel_count"),
    fuel_per_100_km: current.fuel_per_100_km,
  };
}

function spreadPanel(view, request) {
  const columns = ["vehicle_id", "name", "total_mileage", "total_revenue", "total_trips"].map((key) => ({ key }));
  return panel(view, {
    title: "Revenue against distance",
    subtitle: "Each point is a vehicle, the larger the more trips; click one to open it",
    className: "span-7",
    placeholder: "20rem",
    request,
    empty: (rows) => (rows.length ? null : NONE),
    csv: (rows) => ({ columns, rows }),
    render: (rows) => {
      const [most] = [...rows].sort(comparison("total_revenue", "desc"));
      const [farthest] = [...rows].sort(comparison("total_mileage", "desc"));
      return chart({
        name: "vehicle_spread",
        rows: rows.map((row) => ({ ...row, vehicle: words(row) })),
        onSelect: open,
        summary: `${count(rows.length)} vehicles by distance and revenue: ${words(most)} brought most (${money(most.total_revenue)}), ${words(farthest)} drove farthest (${count(farthest.total_mileage)} km).`,
      });
    },
  });
}

function rankPanel(view, request) {
  const worst = (rows) => rows.filter((row) => row.fuel_efficiency !== null).sort(comparison("fuel_efficiency", "asc")).slice(0, RANKED);
  return panel(view, {
    title: "Least fuel-efficient vehicles",
    subtitle: "Fewest km per litre; click a bar to open the vehicle",
    className: "span-5",
    placeholder: "20rem",
    request,
    empty: (rows) => (worst(rows).length ? null : "No vehicle has both distance and fuel in this range"),
    explore: () => ({ dataset: "vehicle_logs", metrics: "fuel_efficiency", by: "vehicle_id", order: "fuel_efficiency" }),
    csv: (rows) => ({ columns: ["vehicle_id", "name", "fuel_efficiency"].map((key) => ({ key })), rows: worst(rows) }),
    render: (rows) => {
      const shown = worst(rows);
      return chart({
        name: "least_efficient_vehicles",
        rows: shown.map((row) => ({ ...row, vehicle: words(row) })),
        onSelect: open,
        summary: `Fewest km per litre: ${shown.slice(0, 3).map((row) => `${words(row)} ${decimal(row.fuel_efficiency)}`).join(", ")}.`,
      });
    },
  });
}

function listPanel(view, request) {
  let most = 1;
  const number = (key, label, format, more = {}) => ({ key, label, number: true, format: (value) => format(value), ...more });
  return rowsPanel(view, {
    title: "All vehicles",
    subtitle: "Vehicles with trips in this range",
    caption: "Vehicles of the range",
    placeholder: "28rem",
    request,
    sort: { by: "total_revenue", order: "desc" },
    size: 25,
    searchLabel: "Search vehicles",
    searched: words,
    rows: (rows) => {
      most = Math.max(1, ...rows.map((row) => row.total_revenue));
      return [...rows];
    },
    columns: [
      { key: "vehicle_id", label: "Vehicle", head: true, node: (value) => h("a", { href: href("vehicles", [value]) }, value) },
      { key: "name", label: "Name" },
      number("total_revenue", labelOf("revenue"), money, { node: (value) => bar((100 * value) / most, money(value)) }),
      number("total_trips", "Trips", count),
      number("total_mileage", "km", count, { title: "Distance driven", format: (value, row) => (row.mileage_count ? count(value) : "–") }),
      number("shipments_delivered", "Shipments", count),
      number("avg_delivery_time", labelOf("avg_delivery_time"), hours),
      number("revenue_per_trip", labelOf("revenue_per_trip"), money),
      number("total_fuel", "Fuel, L", count, { format: (value, row) => (row.fuel_count ? count(value) : "–") }),
      number("fuel_efficiency", "km per litre", (value) => decimal(value)),
    ],
  });
}
