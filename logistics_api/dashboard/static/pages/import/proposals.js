// Proposals of contracts that wait for a person.

import { h } from "../../dom.js";
import { ago, count } from "../../format.js";
import { href } from "../../router.js";
import { badge } from "../../components/badges.js";
import { panel } from "../../components/panel.js";
import { table } from "../../components/table.js";
import { atIngest } from "../pipeline/news.js";

const MOST = 50;

/** What is left to do about a proposal: badges. */
export function stateOf({ state, kind, open_questions: questions, obstacles }) {
  const words = { accepted: ["Accepted", "good"], dismissed: ["Dismissed", null], superseded: ["Replaced", null] }[state];
  return h(
    "span",
    { class: "chips" },
    words && badge(...words),
    state === "open" && questions > 0 && badge(`${count(questions)} ${questions === 1 ? "question" : "questions"}`, "warn"),
    state === "open" && obstacles > 0 && badge(`${count(obstacles)} ${obstacles === 1 ? "obstacle" : "obstacles"}`, "bad"),
    state === "open" && !questions && !obstacles && badge("Can be accepted", "good"),
    kind === "drift" && badge("Changed file"),
  );
}

/** The open proposals, of all datasets or of one. With `quiet` the panel is hidden while there is none. */
export function proposalsPanel(view, { dataset = null, quiet = false } = {}) {
  const section = panel(view, {
    title: "Waiting for a decision",
    subtitle: "Files whose contract nobody has accepted yet",
    placeholder: quiet ? null : "6rem",
    live: null,
    request: () => `/api/contracts/proposals?state=open&limit=${MOST}${dataset === null ? "" : `&dataset=${encodeURIComponent(dataset)}`}`,
    empty: ({ items }) => {
      section.hidden = quiet && items.length === 0;
      return items.length ? null : "No proposal waits";
    },
    render: ({ items }) =>
      table({
        caption: "Proposals that wait, newest first",
        rows: items,
        columns: [
          { key: "path", label: "File", head: true, wrap: true, node: (path, row) => h("a", { href: href("import", [row.proposal_id]), "data-focus": `proposal-${row.proposal_id}` }, path) },
          { key: "dataset", label: "Dataset" },
          { key: "state", label: "Left to do", node: (_, row) => stateOf(row) },
          { key: "created_at", label: "Proposed", format: (value) => ago(value) },
        ],
      }),
  });
  section.hidden = quiet;
  atIngest(view, section.renew);
  view.atNews(section.renew);
  return section;
}
