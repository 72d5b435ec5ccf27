// The things of an entity as all sources together know them; and one of them, with the ids that stand for it and why.

import { h } from "../dom.js";
import { href } from "../router.js";
import { datasetWords } from "../datasets.js";
import { IDENTITIES, author, decisionButton, linkForm, thingLink, when } from "../identities.js";
import { panel } from "../components/panel.js";
import { morePanel } from "../components/more.js";
import { table } from "../components/table.js";

export const title = (view) => view.arguments[1] ?? datasetWords(view.arguments[0]);
export const ranged = false;

const PAGE = 50;

export function build(view) {
  const [entity, key] = view.arguments;
  const address = `${IDENTITIES}/entities/${encodeURIComponent(entity)}`;
  return h("div", { class: "grid" }, key === undefined ? listPanel(view, entity, address) : onePanel(view, entity, `${address}/${encodeURIComponent(key)}`));
}

const words = (name) => name.replaceAll("_", " ");

function listPanel(view, entity, address) {
  return morePanel(view, {
    title: "As all sources know them",
    subtitle: "Each attribute as the most trusted source says that knows it",
    live: null,
    name: "things",
    size: PAGE,
    path: address,
    parameters: () => ({}),
    items: ({ items }) => items,
    more: "Load more",
    empty: "There are none yet",
    csv: (rows) => ({ columns: [{ key: "key" }, ...(rows[0]?.attributes ?? []).map(({ name }) => ({ key: name }))], rows: rows.map(flat) }),
    list: (rows) =>
      table({
        caption: datasetWords(entity),
        rows: rows.map(flat),
        columns: [
          { key: "key", label: "Key", head: true, node: (key) => thingLink(entity, key) },
          ...(rows[0]?.attributes ?? []).map(({ name }) => ({ key: name, label: words(name) })),
        ],
      }),
  });
}

const flat = ({ key, attributes }) => ({ key, ...Object.fromEntries(attributes.map(({ name, value }) => [name, value])) });

function onePanel(view, entity, address) {
  const attributes = panel(view, {
    title: "As all sources know it",
    subtitle: "The first source that knows a value gives it; records stay as they came",
    request: () => address,
    live: null,
    render: ({ attributes: found }) =>
      table({
        caption: "Attributes",
        rows: found,
        columns: [
          { key: "name", label: "Attribute", head: true, format: words },
          { key: "value", label: "Value" },
          { key: "source", label: "From", node: (_, { said }) => (said.length ? origin(said[0]) : "–") },
          { key: "said", label: "Others say", wrap: true, node: (said) => (said.length > 1 ? said.slice(1).map((each, place) => [place > 0 && ", ", each.value, " (", origin(each), ")"]) : "–") },
        ],
      }),
  });
  const ids = panel(view, {
    title: "Ids that stand for it",
    subtitle: "Why they are one: who said so, when and for what reason",
    request: () => address,
    live: null,
    empty: ({ ids: found }) => (found.length ? null : "No id of another system is linked with it"),
    render: ({ ids: found }) =>
      table({
        caption: "Ids that stand for it",
        rows: found,
        columns: [
          { key: "external_id", label: "Id", head: true, node: (id, row) => [h("span", { class: "muted" }, `${row.system} `), id] },
          { key: "made_at", label: "Since", node: when },
          { key: "author", label: "Author", node: author },
          { key: "reason", label: "Why", wrap: true, format: (text) => text || "–" },
          { key: "link_id", label: "Action", node: (_, row) => unlinkButton(row) },
        ],
      }),
  });
  function unlinkButton(link) {
    const name = `${link.system} ${link.external_id}`;
    const press = async () => {
      const asked = { title: `${name} is not ${link.key}`, explanation: "The id stands for itself again. The old link stays on record.", action: "Undo the link" };
      if (await linkForm({ ...link, ...asked, key: null })) renew();
    };
    return decisionButton("Undo", { label: `Undo the link of ${name}`, focus: `undo-${name}`, press });
  }
  function renew() {
    attributes.renew();
    ids.renew();
  }
  view.atNews(renew);
  return [attributes, ids];
}

const origin = ({ source, dataset, field, file_id: file }) => h("a", { href: href("pipeline", [], { file }), title: `${datasetWords(dataset)} · ${field}` }, source);
