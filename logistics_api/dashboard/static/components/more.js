// Growing lists: pages by cursor, one below the other, with a button for the next. The address holds the number shown.

import { h } from "../dom.js";
import { get, url } from "../api.js";
import { count } from "../format.js";
import { toast } from "./dialogs.js";
import { panel } from "./panel.js";

const MOST = 1000;

/**
 * A panel over such a list. Beside panel()'s options:
 *   name      URL parameter with the number of entries shown
 *   size      entries of one page
 *   path, parameters   the request without limit and cursor; parameters is a function that returns null if there is nothing to request
 *   items     (response) => entries; the response also has next_cursor
 *   list      (entries) => nodes
 *   more      label of the button
 */
export function morePanel(view, options) {
  const { name, size, path, parameters, items, list, more, empty = "Nothing here" } = options;
  let question = null;
  let limit = size;
  let first = null;
  let shown = [];
  let next = null;

  const asked = () => {
    const given = parameters();
    const wanted = given && url(path, given);
    if (wanted !== question) {
      question = wanted;
      limit = Math.min(MOST, Math.max(size, Number(view.get(name)) || 0));
    }
    return given && url(path, { ...given, limit });
  };

  async function load(button) {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true"); // one that is `disabled` would lose the focus
    const mine = first;
    try {
      const answer = await get(url(path, { ...parameters(), limit: size, cursor: next }));
      if (mine !== first) return;
      shown = [...shown, ...items(answer)];
      next = answer.next_cursor;
      view.set({ [name]: Math.min(MOST, shown.length) }, { replace: true });
      section.redraw();
    } catch (error) {
      button.removeAttribute("aria-disabled");
      toast(`${error.title ?? "Loading failed"}: ${error.reason ?? error.message}`, "bad");
    }
  }

  // A new request must cover as many entries as are shown.
  const keepLength = () => {
    if (shown.length > 0) limit = Math.min(MOST, Math.max(size, shown.length));
  };
  view.atNews(keepLength);
  const section = panel(view, {
    ...options,
    request: asked,
    csv: options.csv && (() => options.csv(shown)),
    csvWords: "CSV (what is shown)",
    empty: (answer) => (items(answer).length === 0 ? (typeof empty === "function" ? empty() : empty) : null),
    render: (answer) => {
      if (answer !== first) {
        first = answer;
        shown = items(answer);
        next = answer.next_cursor;
      }
      const all = h("span", { role: "status", tabindex: "-1", "data-focus": next ? null : "more" }, next ? `${count(shown.length)} shown` : `All ${count(shown.length)} shown`);
      const button = next && h("button", { type: "button", class: "button", "data-focus": "more", onclick: (event) => load(event.currentTarget) }, more);
      return [list(shown), h("div", { class: "pager wide" }, all, button)];
    },
  });
  section.keepLength = keepLength;
  return section;
}
