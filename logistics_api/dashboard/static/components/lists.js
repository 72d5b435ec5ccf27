// Lists with search, sort and pages, whose state is in the address: requested from the API page by page, or held in the browser.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { url } from "../api.js";
import { panel } from "./panel.js";
import { pager, table } from "./table.js";

const SIZE = 10;
/** Rows per page of the API, at most. */
const MOST = 1000;

/**
 * A panel over a list of the API ({data, total, page, page_size}). Beside panel()'s options:
 *   path, parameters  the request without search, sort and page; parameters is a function
 *   columns, caption  as for table(); sort: {by, order} of the API's default
 *   prefix            before the names of its parameters in the address, where a page has several lists
 *   searchLabel       null: no search
 */
export function listPanel(view, options) {
  const { prefix = "", path, parameters = () => ({}), columns, sort, size = SIZE, searchLabel = "Search routes" } = options;
  const name = (key) => prefix + key;
  const present = () => presentState(view, name, sort, size);
  const question = (page, pageSize) => {
    const { by, order, search } = present();
    return url(path, { ...parameters(), sort_by: by, sort_order: order, page, page_size: pageSize, search });
  };
  return panel(view, {
    ...options,
    actions: [...(options.actions ?? []), searchLabel && searchBox(view, { label: searchLabel, name: name("search"), also: { [name("page")]: null } })],
    request: () => question(present().page, present().pageSize),
    empty: (answer) => (answer.total === 0 ? nothing(view.get(name("search"))) : null),
    csv: async ({ total }) => {
      const pages = Array.from({ length: Math.ceil(total / MOST) }, (_, i) => view.figures.get(question(i + 1, MOST)));
      return { columns, rows: (await Promise.all(pages)).flatMap(({ data }) => data) };
    },
    render: ({ data: rows, total }) => {
      const state = present();
      const last = Math.ceil(total / state.pageSize);
      if (state.page > last) return queueMicrotask(() => view.set({ [name("page")]: last === 1 ? null : last }, { replace: true }));
      return listNodes({ view, name, columns, caption: options.caption, state, rows, total, rowClass: options.rowClass });
    },
  });
}

/**
 * A panel over rows that are all in the browser. Beside panel()'s options: rows(data) → list, searched(row) → text to
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
    pageSize: Math.min(MOST, whole(view.get(name("size")), size)),
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
  let known = view.get(name, ""); // the value in the address; the field may be ahead of it
  const input = h("input", { class: "input", type: "search", "aria-label": label, placeholder: label, value: known });
  const search = () => {
    known = input.value.trim();
    view.set({ ...also, [name]: known || null }, { replace: true });
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 250);
  });
  view.follow(() => {
    if (view.get(name, "") === known) return;
    clearTimeout(timer);
    input.value = known = view.get(name, "");
  });
  view.atEnd(() => clearTimeout(timer));
  return h("div", { class: "search" }, icon("search"), input);
}
