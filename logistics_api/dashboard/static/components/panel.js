// A panel: requests its data, shows loading, empty and error states, and offers the data, CSV and PNG.

import { h, replace, unique } from "../dom.js";
import { icon } from "../icons.js";
import * as events from "../events.js";
import { request } from "../figures.js";
import { dayRange } from "../format.js";
import { at } from "../root.js";
import { href } from "../router.js";
import { toast } from "./dialogs.js";
import { signInButtons } from "./login.js";
import { menu } from "./menu.js";
import { saveCsv, save } from "../saving.js";

/**
 * panel(view, options) returns a <section>. Options:
 *   title, subtitle   strings, or functions of nothing that give one (called again at each change)
 *   request           () => address | {name: address, …} | null: what to request. Requested again only when it changes
 *   live              name of the event after which the data is requested again: "data_version" (default), "ingest" or null
 *   render            (data) => node or list of nodes
 *   empty             (data) => words instead of the rendering, or null
 *   csv               (data) => {columns: [{key, label}], rows: […]} or a promise of it: gives the menu's CSV entry
 *   csvWords          what this entry says, where its rows are not all there are
 *   actions           nodes for the head (search, switches); made once, so that they keep focus and text
 *   className         classes for the <section>, such as "span-6"
 *   active            () => false while the panel is not on the page, though its page is: it rests until it is again
 *   caption           () => the words below the title of a picture, if not the range of the page
 *   entries           () => further entries of the menu
 *   explore           () => the question of Explore that asks about the same, as parameters of its address, or null
 *   placeholder       height while nothing has been shown yet, as a CSS length
 */
export function panel(view, options) {
  const { render, empty = () => null, live = "data_version", csv = null, csvWords = "CSV", actions = [] } = options;
  const id = unique("panel");
  const title = h("h2", { id });
  const subtitle = h("p", {});
  const body = h("div", { class: "panel-body" });
  const entries = options.request ? menu("Data of this panel", () => menuEntries()) : null;
  const section = h(
    "section",
    { class: `panel ${options.className ?? ""}`, "aria-labelledby": id },
    h("div", { class: "panel-head" }, h("div", { class: "panel-title" }, title, subtitle), h("div", { class: "panel-actions" }, actions, entries)),
    body,
  );
  let asked = null;
  let data = null;
  let drawn = null; // what the body shows: of which data, and whether it is old
  let turn = 0;
  let forget = () => {}; // the next attempt
  // Figures of one page have one version; everything else is shown as it comes.
  const figures = live === "data_version" ? view.figures.join({ replace: take, refuse: (error) => fail(error, false) }) : null;
  const ask = figures ? async (wanted) => parts(wanted, await figures.ask(addressesOf(wanted))) : askEach;

  const caption = () => ({ text: words(options.title), subtitle: options.caption?.() ?? (view.range ? dayRange(view.range.start, view.range.end) : "") });

  function menuEntries() {
    const addresses = asked === null ? [] : typeof asked === "string" ? { "": asked } : asked;
    const charts = chartsOf(body);
    const name = fileName(words(options.title) || "data");
    return [
      ...Object.entries(addresses).map(([part, address]) =>
        h("a", { href: at(address), target: "_blank", rel: "noopener" }, icon("link"), part ? `Data: ${part}` : "Data (JSON)"),
      ),
      csv && data !== null && h("button", { type: "button", onclick: () => saveRows(`${name}.csv`) }, icon("download"), csvWords),
      ...charts.flatMap((chart) => pictures(chart, name, charts.length > 1)),
      ...(options.entries?.() ?? []),
      exploreLink(),
    ];
  }

  function exploreLink() {
    const question = options.explore?.() ?? null;
    if (question === null) return null;
    const { start, end } = view.range;
    return h("a", { href: href("explore", [], { range: `${start}..${end}`, ...question }) }, icon("explore"), "Open in Explore");
  }

  function pictures(chart, name, areSeveral) {
    const ending = areSeveral ? `: ${chart.title}` : "";
    const heading = { ...caption(), ...(areSeveral && { text: `${words(options.title)}: ${chart.title}` }) };
    const file = areSeveral ? fileName(`${name} ${chart.title}`) : name;
    return [
      h("button", { type: "button", onclick: async () => save(`${file}.png`, await chart.png(heading)) }, icon("image"), `PNG${ending}`),
      h("button", { type: "button", onclick: async () => save(`${file}.svg`, await chart.svg(heading), "image/svg+xml") }, icon("image"), `SVG${ending}`),
    ];
  }

  async function saveRows(name) {
    try {
      saveCsv(name, await csv(data));
    } catch (error) {
      toast(`${error.title ?? "The rows could not be saved"}: ${error.reason ?? error.message}`, "bad");
    }
  }

  function head() {
    title.textContent = words(options.title);
    subtitle.textContent = words(options.subtitle);
    subtitle.hidden = !subtitle.textContent;
    entries?.rename(`Data of this panel: ${title.textContent}`);
  }

  /** Nothing is drawn again that would look the same: what is selected, focused or scrolled stays as it is. */
  function show() {
    head();
    if (data === null && options.request) return;
    if (drawn === null || drawn.data !== data || drawn.isOld()) draw();
  }

  function draw() {
    const { result, isOld } = view.watch(() => {
      const nothing = empty(data);
      return nothing ? message("inbox", nothing) : render(data);
    });
    drawn = { data, isOld };
    head(); // the title may depend on the data
    const charts = chartsOf(body);
    const scrolled = [...body.querySelectorAll(".table-scroll")].map(({ scrollLeft }) => scrollLeft);
    replace(body, result);
    body.querySelectorAll(".table-scroll").forEach((table, i) => scrolled[i] && (table.scrollLeft = scrolled[i])); // each has the browser lay out the page
    chartsOf(body).forEach((chart, i) => charts[i] && chart.takeOver(charts[i]));
  }

  function take(found) {
    const answer = parts(asked, found);
    if (JSON.stringify(answer) !== JSON.stringify(data)) data = answer;
    if (options.active?.() !== false) show();
  }

  async function update(again = false, quietly = false) {
    if (options.active?.() === false) {
      if (again) data = null;
      return;
    }
    const wanted = options.request ? options.request() : null;
    const same = JSON.stringify(wanted) === JSON.stringify(asked);
    if (wanted === null || (same && !again && data !== null)) return show();
    if (!same) data = null;
    asked = wanted;
    turn += 1;
    const mine = turn;
    forget();
    if (!quietly) section.setAttribute("aria-busy", "true");
    if (body.querySelector(".skeleton, .error") || !body.firstChild) wait();
    else if (!quietly) body.classList.add("stale");
    try {
      const answer = await ask(wanted);
      if (mine !== turn || answer === null) return;
      if (JSON.stringify(answer) !== JSON.stringify(data)) data = answer;
      show();
    } catch (error) {
      if (mine === turn) fail(error, quietly);
    } finally {
      if (mine === turn) {
        section.removeAttribute("aria-busy");
        body.classList.remove("stale");
      }
    }
  }

  function wait() {
    const block = h("div", { class: "skeleton" });
    if (options.placeholder) block.style.minHeight = options.placeholder;
    head();
    drawn = null;
    replace(body, h("p", { class: "sr-only", role: "status" }, "Loading"), block);
  }

  function fail(error, quietly) {
    if (!error.title) console.error(error);
    // Only temporary errors are retried automatically; until then, old figures are better than none.
    if (error.retryAfter || error.isOfServer) forget = events.later(error.retryAfter, () => update(true, quietly));
    const isOtherVersion = error.status === 412;
    if (isOtherVersion) data = null;
    if (quietly && data !== null && drawn && error.retryAfter) return;
    if (error.status === 404 && view.missing) return view.missing(error);
    const again =
      error.status === 401
        ? signInButtons()[0]
        : h("button", { type: "button", class: "button", "data-focus": "again", onclick: () => update(true) }, icon("refresh"), "Try again");
    const note = error.requestId ? h("small", {}, `request ${error.requestId}`) : null;
    const shown = message("warning", error.title ?? "This panel could not be loaded", error.reason ?? error.message, again, note);
    shown.classList.add("error");
    shown.setAttribute("role", "alert");
    drawn = null;
    replace(body, shown);
  }

  view.follow(() => update());
  // Updates do not dim the content: most often it stays the same.
  if (live === "data_version") view.atNews(() => update(true, true));
  else if (live) view.atEnd(events.on(live, () => update(true)));
  view.atEnd(() => {
    turn += 1;
    forget();
    figures?.leave();
  });
  section.refresh = () => update(true);
  section.renew = () => update(true, true); // without dimming what is shown: for what comes every second
  section.redraw = draw;
  update();
  return section;
}

const chartsOf = (body) => [...body.querySelectorAll(".chart")].map((element) => element.chart);
const fileName = (text) => text.toLowerCase().replaceAll(/[^\p{L}\d]+/gu, "-");
const words = (text) => (typeof text === "function" ? text() : text) ?? "";

const addressesOf = (wanted) => (typeof wanted === "string" ? [wanted] : [...new Set(Object.values(wanted))]);

/** What was wanted, out of {address: data}. */
function parts(wanted, found) {
  if (found === null) return null;
  if (typeof wanted === "string") return found[wanted];
  return Object.fromEntries(Object.entries(wanted).map(([name, address]) => [name, found[address]]));
}

async function askEach(wanted) {
  const addresses = addressesOf(wanted);
  const answers = await Promise.all(addresses.map((address) => request(address)));
  return parts(wanted, Object.fromEntries(addresses.map((address, place) => [address, answers[place].data])));
}

/** Words in the middle of an empty space: what is missing, and what to do. */
export function message(image, title, text = null, ...more) {
  return h("div", { class: "message" }, icon(image), h("strong", {}, title), text && h("p", {}, text), more);
}
