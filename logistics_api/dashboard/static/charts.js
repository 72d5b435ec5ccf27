// Charts: specifications of ours, compiled on the server and drawn by Vega, which is loaded when the first page with charts opens.
//
// Vega would make functions out of text; the policy of the page forbids that, so its interpreter does the same work
// (`ast: true`).

import { h } from "./dom.js";
import { at } from "./root.js";

const FOLDER = document.querySelector('meta[name="logistics-vega"]').content;
const ERRORS_ONLY = 1;
const shown = new Set();
let vega = null;
let specifications = null;
/** The specifications once they are there: name → {vega, height}, a height in pixels or by {step, by}. */
let known = null;

let attempts = 0;
/** Browsers cache failed imports, so the next attempt uses another address. */
const loadVega = () =>
  (vega ??= import(at(`${FOLDER}/vega.js${attempts++ ? `?again=${attempts}` : ""}`)).catch((error) => {
    vega = null;
    throw error;
  }));

function loadSpecifications() {
  specifications ??= fetch(at(`${FOLDER}/charts.json`))
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`charts: ${answer.status}`))))
    .then((text) => (known = JSON.parse(localised(text))))
    .catch((error) => {
      specifications = null;
      throw error;
    });
  return specifications;
}

// Both are there and Vega has run by the time the first figures are: the browser has nothing else to do until then.
Promise.all([loadVega(), loadSpecifications()]).catch(() => {}); // reported by the chart that needs them

/** The formats of days that specifications have → the parts of each, to be put in the order of the browser's language. */
const DAY_FORMATS = {
  "%a %-d %b %Y": { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  "%-d %b": { day: "numeric", month: "short" },
  "%b %Y": { month: "short", year: "numeric" },
};
const CODES = { weekday: "%a", day: "%-d", month: "%b", year: "%Y" };

const ANY_DAY_FORMAT = /%a %-d %b %Y|%-d %b|%b %Y/g;

/** Specifications with days as the browser's language writes them. */
function localised(text) {
  const own = Object.fromEntries(Object.entries(DAY_FORMATS).map(([format, options]) => {
    const parts = new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" }).formatToParts(0);
    return [format, parts.map(({ type, value }) => CODES[type] ?? value.replaceAll(/['"\\%]/g, "’")).join("")];
  }));
  return text.replaceAll(ANY_DAY_FORMAT, (format) => own[format]);
}

let language = null;
/** How Vega writes numbers, months and weekdays: as the browser's language does. */
function locale() {
  if (language) return language;
  const numbers = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1 }).formatToParts(-1234567.5);
  const part = (name, otherwise) => numbers.find(({ type }) => type === name)?.value ?? otherwise;
  const format = new Intl.DateTimeFormat(undefined, { ...DAY_FORMATS["%a %-d %b %Y"], timeZone: "UTC" });
  const names = (name, count, day) => Array.from({ length: count }, (_, i) => format.formatToParts(Date.UTC(2023, ...day(i))).find(({ type }) => type === name).value);
  const months = names("month", 12, (i) => [i, 1]);
  const days = names("weekday", 7, (i) => [0, 1 + i]); // 1 January 2023 was a Sunday
  language = {
    number: { decimal: part("decimal", "."), thousands: part("group", ""), grouping: [3], currency: ["", ""], minus: part("minusSign", "-") },
    time: {
      dateTime: "%x, %X", date: "%Y-%m-%d", time: "%H:%M:%S", periods: ["AM", "PM"],
      days, shortDays: days, months, shortMonths: months, // specifications use the short ones alone
    },
  };
  return language;
}

let last = null;
/** One chart after the other, the first at once; the browser shows each before it goes on with the next. */
function turn() {
  last = last === null ? Promise.resolve() : last.then(() => new Promise((go) => setTimeout(go)));
  return last;
}

/**
 * chart({name, rows, summary, legend, onSelect, height, minWidth, maxWidth, titles}) returns an element; its `chart` gives png(title) and svg(title), of a title {text, subtitle}.
 *   name      of the specification (logistics_core/charts/<name>.vl.json, compiled by logistics_api/dashboard/vega_bundle.py)
 *   rows      plain objects as the specification wants them
 *   summary   the chart in one or two sentences, for those who do not see it
 *   legend    [{words, kind}] above it; kind: "day", "mean", "previous", "reference"
 *   onSelect  (row) => …: called for the mark that was clicked
 *   minWidth  pixels below which it scrolls sideways
 *   maxWidth  pixels above which it leaves room beside it; null: none
 *   titles    {x, y}: titles of the axes, where the specification leaves them to the rows
 */
export function chart({ name, rows, summary, legend = [], onSelect = null, height = null, minWidth = 0, maxWidth = null, titles = {} }) {
  const body = h("div", { class: "chart-body" });
  const scroller = h("div", { class: "table-scroll", "aria-hidden": "true" }, body);
  const element = h(
    "figure",
    { class: "chart" },
    legend.length > 0 && h("ul", { class: "legend", "aria-hidden": "true" }, legend.map(({ words, kind }) => h("li", { class: kind }, words))),
    scroller,
    h("figcaption", { class: "sr-only" }, summary),
  );
  body.style.minHeight = `${height ?? (known ? pixels(known[name].height, rows) : 220)}px`;
  body.style.minWidth = `${minWidth}px`;
  if (maxWidth !== null) body.style.maxWidth = `${Math.max(minWidth, maxWidth)}px`;
  element.chart = new Chart(element, body, { name, rows, height, onSelect, legend, titles });
  return element;
}

class Chart {
  #view = null;
  #width = 0;
  #drawing = 0;

  constructor(element, body, options) {
    this.element = element;
    this.body = body;
    this.options = options;
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(body);
    shown.add(this);
    queueMicrotask(() => this.#resized()); // it is on the page by then; the observer would wait for all other panels
  }

  async draw() {
    const mine = ++this.#drawing;
    const { name } = this.options;
    try {
      await Promise.all([loadVega(), loadSpecifications()]);
      await turn();
      if (mine !== this.#drawing || !this.element.isConnected) return;
      this.#width = this.body.clientWidth;
      const host = document.createElement("div");
      const drawn = await this.#paint(host);
      if (mine !== this.#drawing) return drawn.finalize();
      this.#view?.finalize();
      this.#view = drawn;
      this.#listen();
      this.body.replaceChildren(host);
      this.body.style.minHeight = "";
      this.element.dataset.drawn = name;
    } catch (error) {
      console.error(error);
      this.body.replaceChildren(h("p", { class: "message" }, "The chart could not be drawn. Its figures are in the menu above."));
    }
  }

  /** Draws into `host`, with what `more` adds to the specification. */
  async #paint(host, more = () => ({})) {
    const [{ View, expressionInterpreter, parse }, all] = await Promise.all([loadVega(), loadSpecifications()]);
    const { name, rows, height, titles } = this.options;
    const specification = coloured(all[name].vega);
    specification.width = this.#width;
    specification.height = height ?? pixels(all[name].height, rows);
    specification.data.find(({ name }) => name === "rows").values = rows.map((row) => ({ ...row })); // Vega adds to them
    for (const axis of specification.axes) {
      if (axis.labels !== false && titles[axis.scale]) axis.title = titles[axis.scale]; // another one draws the grid
    }
    const view = new View(parse({ ...specification, ...more(specification) }, {}, { ast: true }), {
      expr: expressionInterpreter, renderer: "canvas", logLevel: ERRORS_ONLY, locale: locale(), tooltip: showTooltip,
    });
    return view.initialize(host).runAsync();
  }

  #listen() {
    const { onSelect } = this.options;
    if (onSelect) this.#view.addEventListener("click", (_, item) => item?.datum && onSelect(item.datum));
  }

  #resized() {
    const width = this.body.clientWidth;
    if (width === 0 || width === this.#width) return;
    this.#width = width;
    if (!this.element.dataset.drawn) return void this.draw();
    this.#view.width(width).runAsync();
  }

  /** Goes on with the picture of the chart that stood here before: it is shown until this one is drawn, or kept if it is the same. */
  takeOver(before) {
    if (before.#view === null) return;
    this.#view = before.#view;
    before.#view = null;
    this.body.replaceChildren(...before.body.childNodes);
    this.body.style.minHeight = "";
    if (!before.element.dataset.drawn || JSON.stringify(before.options) !== JSON.stringify(this.options)) return;
    this.#width = before.#width;
    this.element.dataset.drawn = this.options.name;
  }

  end() {
    this.#drawing += 1;
    this.observer.disconnect();
    this.#view?.finalize();
    this.#view = null;
    hideTooltip();
  }

  png(title) {
    return this.#picture(title, (view) => view.toImageURL("png", 2));
  }

  svg(title) {
    return this.#picture(title, (view) => view.toSVG());
  }

  /** The picture includes what surrounds the chart on the page: its title, its legend and the surface behind it. */
  async #picture(title, take) {
    const { legend } = this.options;
    const view = await this.#paint(document.createElement("div"), (specification) => ({
      autosize: "pad", // title and legend take no room from the chart
      background: css("surface"),
      padding: 16,
      title: { ...title, color: css("text"), subtitleColor: css("text-muted"), anchor: "start", frame: "group", fontSize: 16, offset: 12 },
      ...(legend.length > 0 && legendOf(legend, specification)),
    }));
    try {
      return await take(view);
    } finally {
      view.finalize();
    }
  }
}

/** Kind of an entry of the legend → its colour. */
const KINDS = { day: "chart-1-soft", mean: "chart-1", whole: "chart-1", previous: "chart-previous", reference: "chart-2" };

/** The legend above a chart as a part of it. */
function legendOf(legend, { scales, legends = [] }) {
  const scale = { name: "legend", type: "ordinal", domain: legend.map(({ words }) => words), range: legend.map(({ kind }) => css(KINDS[kind])) };
  return { scales: [...scales, scale], legends: [...legends, { fill: "legend", orient: "top", direction: "horizontal", symbolType: "square", labelLimit: 240 }] };
}

// Panels replace their content; charts that have left the page are freed at the next check.
new MutationObserver(() => {
  for (const one of shown) {
    if (one.element.isConnected) one.seen = true;
    else if (one.seen) {
      one.end();
      shown.delete(one);
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true });

document.addEventListener("themechange", () => shown.forEach((one) => one.draw()));

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A copy of a specification with the style sheet's colours and font. */
function coloured(specification) {
  const values = new Map();
  const valueOf = (name) => {
    if (!values.has(name)) values.set(name, JSON.stringify(css(name)).slice(1, -1));
    return values.get(name);
  };
  return JSON.parse(JSON.stringify(specification).replaceAll(/var\(--([\w-]+)\)/g, (_, name) => valueOf(name)));
}

/** A height in pixels, or by steps. */
function pixels(height, rows) {
  return height.step ? height.step * Math.max(1, new Set(rows.map((row) => row[height.by])).size) : height;
}

let tooltip = null;

function showTooltip(_, event, __, value) {
  if (!value || !event) return hideTooltip();
  tooltip ??= document.body.appendChild(h("div", { class: "tooltip", "aria-hidden": "true" }));
  const lines = Object.entries(value).filter(([, text]) => !["null", "undefined", "NaN", ""].includes(String(text)));
  tooltip.replaceChildren(h("dl", {}, lines.map(([title, text]) => [h("dt", {}, title), h("dd", {}, String(text))])));
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  const x = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  tooltip.style.left = `${Math.max(4, x)}px`;
  tooltip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
}

function hideTooltip() {
  if (tooltip) tooltip.hidden = true;
}
