// Lists with search, sort and pages, whose state is in the address: asked of the API page by page, or kept in the browser.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { url } from "../api.js";
import { panel } from "./panel.js";
import { pager, table } from "./table.js";

const SIZE = 10;

/**
 * A panel over a list of the API ({data, total, page, page_size}). Beside panel()'s options:
 *   path, parameters  the question without search, sort and page; parameters is a function
 *   columns, caption  as for table(); sort: {by, order} of the API's default
 *   prefix            before the names of its parameters in the address, where a page has several lists
 *   searchLabel       null: no search
 */
export function listPanel(view, options) {
  const { prefix = "", path, parameters = () => ({}), columns, sort, size = SIZE, searchLabel = "Search routes" } = options;
  const name = (key) => prefix + key;
  const present = () => presentState(view, name, sort, size);
  return panel(view, {
    ...options,
    actions: [...(options.actions ?? []), searchLabel && searchBox(view, { label: searchLabel, name: name("search"), also: { [name("page")]: null } })],
    request: () => {
      const { by, order, page, pageSize, search } = present();
      return url(path, { ...parameters(), sort_by: by, sort_order: order, page, page_size: pageSize, search });
    },
    empty: (answer) => (answer.total === 0 ? nothing(view.get(name("search"))) : null),
    csv: (answer) => ({ columns, rows: answer.data }),
    render: (answer) => listNodes({ view, name, columns, caption: options.caption, state: present(), rows: answer.data, total: answer.total, rowClass: options.rowClass }),
  });
}

/**
 * A panel over rows that the browser has all of. Beside panel()'s options: rows(data) → list, searched(row) → text to
 * search in, columns, caption, sort, prefix, size, searchLabel.
 */
export function rowsPanel(view, options) {
  const { prefix = "", columns, sort, size = SIZE, searchLabel = "Search", searched = (row) => Object.values(row).join(" ") } = options;
  const name = (key) => prefix + key;
  const chosen = (data) => {
    const search = view.get(name("search"), "").trim().toLowerCase();
    const { by, order } = presentState(view, name, sort, size);
    const rows = options.rows(data).filter((row) => !search || searched(row).toLowerCase().includes(search));
    return rows.sort(comparison(by, order));
  };
  return panel(view, {
    ...options,
    actions: [...(options.actions ?? []), searchLabel && searchBox(view, { label: searchLabel, name: name("search"), also: { [name("page")]: null } })],
    empty: (data) => (chosen(data).length === 0 ? nothing(view.get(name("search"))) : null),
    csv: (data) => ({ columns, rows: chosen(data) }),
    render: (data) => {
      const rows = chosen(data);
      const state = presentState(view, name, sort, size);
      state.page = Math.min(state.page, Math.ceil(rows.length / state.pageSize));
      const from = (state.page - 1) * state.pageSize;
      const shown = rows.slice(from, from + state.pageSize);
      return listNodes({ view, name, columns, caption: options.caption, state, rows: shown, total: rows.length, rowClass: options.rowClass });
    },
  });
}

function presentState(view, name, sort, size) {
  const whole = (text, otherwise) => (/^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : otherwise);
  return {
    by: view.get(name("sort"), sort.by),
    order: view.get(name("order"), sort.order) === "asc" ? "asc" : "desc",
    page: whole(view.get(name("page")), 1),
    pageSize: Math.min(1000, whole(view.get(name("size")), size)),
    search: view.get(name("search"), "").trim(),
  };
}

function listNodes({ view, name, columns, caption, state, rows, total, rowClass }) {
  return [
    table({
      columns,
      rows,
      caption,
      rowClass,
      sort: { by: state.by, order: state.order },
      onSort: ({ by, order }) => view.set({ [name("sort")]: by, [name("order")]: order, [name("page")]: null }),
    }),
    pager({
      page: state.page,
      size: state.pageSize,
      total,
      caption,
      onPage: (page) => view.set({ [name("page")]: page === 1 ? null : page }),
      onSize: (pageSize) => view.set({ [name("size")]: pageSize, [name("page")]: null }),
    }),
  ];
}

const nothing = (search) => (search ? `Nothing matches “${search}”` : "Nothing in this range");

/** Sorts by a column, missing values last in both directions; ties keep their order. */
export function comparison(by, order) {
  const sign = order === "asc" ? 1 : -1;
  return (a, b) => {
    const [x, y] = [a[by], b[by]];
    if (x === null || x === undefined || y === null || y === undefined) return (x === null || x === undefined) - (y === null || y === undefined);
    return sign * (typeof x === "number" ? x - y : String(x).localeCompare(String(y)));
  };
}

/** A search field that writes what it holds into the address when typing pauses; `also`: parameters changed with it. */
export function searchBox(view, { label, name = "search", also = {} }) {
  let timer = null;
  const input = h("input", { class: "input", type: "search", "aria-label": label, placeholder: label, value: view.get(name, "") });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => view.set({ ...also, [name]: input.value.trim() || null }, { replace: true }), 250);
  });
  view.follow(() => {
    if (document.activeElement !== input) input.value = view.get(name, "");
  });
  view.atEnd(() => clearTimeout(timer));
  return h("div", { class: "search" }, icon("search"), input);
}
