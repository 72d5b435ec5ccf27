// The first page: how the range went, at a glance. Its charts filter its table.

import { h } from "../dom.js";
import { url } from "../api.js";
import { chart } from "../charts.js";
import { compact, count, hours, money, percent, shortDecimal } from "../format.js";
import { icon } from "../icons.js";
import { columnOf, labelOf, onTimeHours } from "../measures.js";
import { byDay, points, request as timeRequest } from "../periods.js";
import { href } from "../router.js";
import { dataStrip } from "../components/strip.js";
import { kpi } from "../components/kpi.js";
import { comparison, rowsPanel } from "../components/lists.js";
import { panel } from "../components/panel.js";
import { parameterSegments } from "../components/segments.js";
import { timePanel } from "../components/timechart.js";
import { bar } from "../components/table.js";

export const title = () => "Overview";
export const compared = true;

const KPIS = [
  { key: "shipments", format: count },
  { key: "active_vehicles", format: count },
  { key: "revenue", format: compact },
  { key: "avg_delivery_time", format: (value) => shortDecimal(value, 1) },
  { key: "revenue_per_km", format: (value) => shortDecimal(value, 2) },
  { key: "fuel_per_100_km", format: (value) => shortDecimal(value, 1), unit: "L" },
];

/** Figures that need what not every log or shipment has: without it they are not 0. */
const MEASURED = new Set(["avg_delivery_time", "revenue_per_km", "fuel_per_100_km"]);

const MEASURES = {
  avg_delivery_time: { words: labelOf("avg_delivery_time"), format: hours },
  on_time_delivery_rate: { words: labelOf("on_time_rate"), format: percent },
  ...(onTimeHours !== null && { on_target_rate: { words: `Within ${hours(onTimeHours)}`, format: percent } }),
  cost_per_kg: { words: labelOf("revenue_per_kg"), format: money },
};
/** Measures of the matrix → the metrics of shipments that are the same. */
const METRICS = { avg_delivery_time: "avg_delivery_time", cost_per_kg: "revenue_per_kg" };
/** Whether the revenue of shipments is a 0 that nobody measured. */
const lacksCost = ({ shipments, shipments_with_cost: costs }) => shipments > 0 && costs === 0;
const isUnmeasured = (key, current) =>
  key === "revenue" ? lacksCost(current) : MEASURED.has(key) && current[key] === null && current.active_vehicles > 0;
const LARGEST = 20;
/** The rows that a figure comes from: of the trips of its days, or of their shipments. */
const OF_TRIPS = new Set(["active_vehicles", "revenue_per_km", "fuel_per_100_km"]);
const rowsOf = (key, { start, end }) =>
  OF_TRIPS.has(key)
    ? href("data", [], { dataset: "vehicle_logs", trip_date_from: start, trip_date_to: end })
    : href("data", [], { dataset: "shipments", day_from: start, day_to: end });
const NONE = "No shipments in this range";
const NO_COST = "No shipment in this range has a cost";

export function build(view) {
  const summary = () => url("/api/figures/summary", { ...view.days(), compare: view.sameWeekdays ? "weekday" : null });
  const matrix = () => url("/api/route/matrix", view.days());
  return h(
    "div",
    { class: "grid" },
    dataStrip(view),
    keyFigures(view, summary),
    timePanel(view, { words: labelOf("revenue"), name: "daily_revenue", key: "revenue", format: compact, missing: NO_COST, className: "span-6", placeholder: "16rem" }),
    timePanel(view, { words: labelOf("shipments"), name: "daily_shipments", key: "shipments", format: compact, className: "span-6", placeholder: "16rem" }),
    matrixPanel(view, matrix),
    costliestPanel(view, matrix),
    routesPanel(view, matrix),
  );
}

function keyFigures(view, summary) {
  return panel(view, {
    title: "Key figures",
    className: "bare",
    placeholder: "9rem",
    request: () => ({ summary: summary(), ...timeRequest(view) }),
    csv: ({ summary: { current, previous, trend } }) => ({
      columns: ["figure", "current", "previous", "trend"].map((key) => ({ key })),
      rows: Object.keys(current).map((figure) => ({ figure, current: current[figure], previous: previous?.[figure], trend: trend?.[figure] })),
    }),
    render: ({ summary: answer, ...series }) => {
      if (answer.current.shipments === 0) view.foundNothing();
      const before = series.daily && series.previous && byDay(view, series.previous, view.previous);
      return h(
        "div",
        { class: "kpis" },
        KPIS.map(({ key, format, ...given }) =>
          kpi({
            measure: key, ...given, versus: answer.trend?.[key] == null ? "nothing to compare with" : view.sameWeekdays ? "vs same weekdays" : "vs previous",
            ...(isUnmeasured(key, answer.current) ? { value: "not measured", unit: null } : { value: format(answer.current[key]) }),
            change: answer.trend?.[key],
            link: rowsOf(key, view.range),
            points: points(view, series, key),
            previous: before?.map((day) => day[key] ?? null),
          }),
        ),
      );
    },
  });
}

const routeName = ({ origin, destination }) => `${origin} → ${destination}`;
const chosen = (view) => ({ origin: view.get("origin"), destination: view.get("destination") });
const isChosen = (view) => (row) => row.origin === view.get("origin") && row.destination === view.get("destination");

/** What a click on a mark does: filter by its route, or, on the route that is chosen already, show all again. */
function choose(view, row) {
  const again = isChosen(view)(row);
  view.set({ origin: again ? null : row.origin, destination: again ? null : row.destination, page: null });
}

function matrixPanel(view, matrix) {
  const measure = () => MEASURES[view.get("measure")] ? view.get("measure") : Object.keys(MEASURES)[0];
  return panel(view, {
    title: () => `${MEASURES[measure()].words} by route`,
    subtitle: "Click a cell to filter the table",
    className: "span-7",
    placeholder: "24rem",
    request: matrix,
    actions: [
      parameterSegments(view, { label: "Measure", name: "measure", options: Object.fromEntries(Object.entries(MEASURES).map(([key, { words }]) => [key, words])) }),
    ],
    empty: ({ data }) => (data.length ? null : NONE),
    explore: () => (METRICS[measure()] ? { dataset: "shipments", metrics: METRICS[measure()], by: "origin,destination" } : null),
    csv: ({ data }) => ({ columns: ["origin", "destination", "shipments", ...Object.keys(MEASURES)].map((key) => ({ key })), rows: data }),
    render: ({ data }) => {
      const key = measure();
      const { words: name, format } = MEASURES[key];
      const { rows, hidden } = cells(data, key, format, isChosen(view));
      const known = data.filter((row) => row[key] !== null).sort(comparison(key, "desc"));
      const [most, least] = [known[0], known.at(-1)];
      return [
        chart({
          name: "route_matrix",
          rows,
          minWidth: Math.min(560, 130 + 24 * destinationsOf(rows)),
          maxWidth: 200 + 72 * destinationsOf(rows),
          height: null,
          onSelect: (row) => row.shipments && choose(view, row),
          summary: most
            ? `${name} of ${data.length} routes: highest ${routeName(most)} with ${format(most[key])}, lowest ${routeName(least)} with ${format(least[key])}.`
            : `${name}: not known for any route.`,
        }),
        hidden > 0 && h("p", { class: "muted" }, `The ${LARGEST} busiest origins and destinations; the table below has all.`),
      ];
    },
  });
}

const destinationsOf = (rows) => new Set(rows.map(({ destination }) => destination)).size;

/** A full grid of the busiest places in order of their names: one cell per pair, empty where nothing went. */
function cells(data, key, format, selected) {
  const busiest = (end) => {
    const totals = new Map();
    data.forEach((row) => totals.set(row[end], (totals.get(row[end]) ?? 0) + row.shipments));
    return { names: [...totals].sort((a, b) => b[1] - a[1]).slice(0, LARGEST).map(([name]) => name).sort(), all: totals.size };
  };
  const [origins, destinations] = [busiest("origin"), busiest("destination")];
  const found = new Map(data.map((row) => [`${row.origin}\n${row.destination}`, row]));
  const rows = origins.names.flatMap((origin) =>
    destinations.names.map((destination) => {
      const row = found.get(`${origin}\n${destination}`) ?? { origin, destination, shipments: 0 };
      const value = row[key] ?? null;
      return { origin, destination, shipments: row.shipments, value, label: format(value), measure: key, selected: selected(row) };
    }),
  );
  return { rows, hidden: origins.all + destinations.all - origins.names.length - destinations.names.length };
}

function costliestPanel(view, matrix) {
  // About as high as the matrix beside it.
  const most = (data) => Math.max(6, Math.min(18, Math.round(new Set(data.map(({ origin }) => origin)).size * 0.8) + 3));
  const top = ({ data }) => data.filter(({ revenue }) => revenue > 0).sort(comparison("revenue", "desc")).slice(0, most(data));
  return panel(view, {
    title: "Routes with the most revenue",
    subtitle: "Sum over their shipments; click a bar to filter",
    className: "span-5",
    placeholder: "24rem",
    request: matrix,
    empty: (answer) => (top(answer).length ? null : answer.data.length ? NO_COST : NONE),
    csv: (answer) => ({ columns: ["origin", "destination", "revenue", "shipments"].map((key) => ({ key })), rows: top(answer) }),
    render: (answer) => {
      const rows = top(answer).map((row) => ({
        origin: row.origin, destination: row.destination, route: routeName(row),
        total_cost: row.revenue, total_trips: row.shipments, selected: isChosen(view)(row),
      }));
      return chart({
        name: "costliest_routes",
        rows,
        onSelect: (row) => choose(view, row),
        summary: `Routes with the most revenue: ${rows.slice(0, 3).map((row) => `${row.route} ${compact(row.total_cost)}`).join(", ")}.`,
      });
    },
  });
}

function routesPanel(view, matrix) {
  let largest = 1;
  const filters = h("div", { class: "chips" });
  const showFilters = () => {
    const { origin, destination } = chosen(view);
    const chip = (label, name, value) =>
      value && h("button", { type: "button", class: "chip", "aria-label": `Remove filter: ${label} ${value}`, onclick: () => view.set({ [name]: null, page: null }) }, `${label} ${value}`, icon("close"));
    filters.replaceChildren(...[chip("from", "origin", origin), chip("to", "destination", destination)].filter(Boolean));
  };
  view.follow(showFilters);
  showFilters();
  return rowsPanel(view, {
    title: "Routes",
    caption: "Routes of the range",
    request: matrix,
    placeholder: "20rem",
    actions: [filters],
    sort: { by: "revenue", order: "desc" },
    searchLabel: "Search routes",
    searched: routeName,
    rows: ({ data }) => {
      const { origin, destination } = chosen(view);
      largest = Math.max(1, ...data.map(({ revenue }) => revenue));
      return data.filter((row) => (!origin || row.origin === origin) && (!destination || row.destination === destination));
    },
    columns: [
      { key: "origin", label: "Origin", head: true, node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.origin) },
      { key: "destination", label: "Destination", node: (_, row) => h("a", { href: href("routes", [row.origin, row.destination]) }, row.destination) },
      { key: "shipments", label: "Shipments", format: count, number: true },
      { key: "revenue", ...columnOf("revenue"), number: true, node: (value, row) => (lacksCost(row) ? "not measured" : bar((100 * value) / largest, money(value))) },
      { key: "avg_delivery_time", ...columnOf("avg_delivery_time"), format: hours, number: true },
      { key: "on_time_delivery_rate", ...columnOf("on_time_rate"), format: (value) => percent(value), number: true },
      ...(onTimeHours === null ? [] : [{ key: "on_target_rate", ...columnOf("on_target_rate"), label: `Within ${hours(onTimeHours)}`, format: (value) => percent(value), number: true }]),
      { key: "cost_per_kg", ...columnOf("revenue_per_kg"), format: money, number: true },
    ],
  });
}
