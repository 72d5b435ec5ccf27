// One proposal: what was found in a file, what only a person can tell, the columns to agree on, and the decision.

import { h, replace, unique } from "../dom.js";
import { count, moment, percent } from "../format.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { may } from "../session.js";
import { badge } from "../components/badges.js";
import { confirmAction, toast } from "../components/dialogs.js";
import { openLogin } from "../components/login.js";
import { panel } from "../components/panel.js";
import { bar, table } from "../components/table.js";
import { changedContract, yaml } from "./import/contract.js";
import { stateOf } from "./import/proposals.js";
import { ask } from "./import/requests.js";

export const title = () => "Proposal";
export const ranged = false;

const TYPES = ["string", "integer", "number", "boolean", "date", "datetime", "time", "duration", "year", "yearmonth", "object", "array"];
const ROLES = ["identifier", "time", "dimension", "measure", "text"];
const EXAMPLES = 3;
/** Answers that are abbreviated; all others are words. */
const ANSWERS = { text: "Leave it as text", dmy: "Day first", mdy: "Month first", ymd: "Year first, then the month", ydm: "Year first, then the day" };
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "blank", ":": "colon" };

export function build(view) {
  const talk = conversation(view);
  const part = (options) => panel(view, { live: null, request: () => talk.address, placeholder: "8rem", ...options });
  talk.sections = [
    part({ title: "File", render: (found) => fileNodes(talk, found) }),
    part({ title: "Questions", subtitle: "What nothing in the file proves. Nothing is loaded with a guess", empty: ({ questions }) => (questions.length ? null : "The file leaves no question open"), render: (found) => questionNodes(talk, found) }),
    part({ title: "Columns", subtitle: "As they would be stored", render: (found) => columnNodes(talk, found) }),
    part({ title: "First records", subtitle: "As they are in the file; long cells are shortened", empty: ({ preview }) => (preview.rows.length ? null : "There are no records to show"), render: ({ preview }) => previewTable(preview) }),
    part({ title: "Contract", subtitle: "What would be accepted, as a file", render: ({ contract }) => h("details", {}, h("summary", {}, "Show the contract"), h("pre", { class: "sample", tabindex: "0" }, contract)) }),
  ];
  return h("div", { class: "grid" }, talk.sections);
}

/** What the parts of the page share: the address, who may decide, requests one at a time and how far they are. */
function conversation(view) {
  const address = `/api/contracts/proposals/${encodeURIComponent(view.arguments[0])}`;
  const talk = { address, told: h("p", { class: "import-state", role: "status" }), trial: h("div", { class: "stack", "data-part": "trial" }), mayDecide: true, isBusy: false, sections: [] };
  talk.request = async (action, options = {}) => {
    if (talk.isBusy) return null;
    talk.isBusy = true;
    talk.told.classList.remove("problem");
    const done = await ask(view, `${address}/${action}`, { ...options, tell: (now) => replace(talk.told, now.detail) });
    talk.isBusy = false;
    if (done?.state === "failed") talk.told.classList.add("problem");
    if (done) toast(done.detail, done.state === "failed" ? "bad" : "good");
    talk.sections.forEach((section) => section.renew());
    return done;
  };
  may("contracts").then((allowed) => {
    talk.mayDecide = allowed;
    if (!allowed) talk.sections.forEach((section) => section.redraw());
  });
  return talk;
}

// -- the file and the decision

function fileNodes(talk, found) {
  const { path, obstacle_texts: obstacles, waits_because: reason } = found;
  return [
    h("div", { class: "file-heading" }, h("h3", { class: "mono" }, path), stateOf(found)),
    obstacles.map((text) => h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, text))),
    reason && h("p", { class: "note", role: "note" }, icon("warning"), h("span", {}, `It waits because ${reason}`.replace(/\.?$/, "."))),
    h("dl", { class: "facts" }, Object.entries(factsOf(found)).map(([label, value]) => value && h("div", {}, h("dt", {}, label), h("dd", {}, value)))),
    allNotes(found).length > 0 && h("ul", { class: "file-notes" }, allNotes(found).map((text) => h("li", {}, text))),
    found.state === "open" ? decision(talk, found) : ended(found),
    talk.told,
    found.state === "open" && talk.trial,
  ];
}

/** "Windows-1252" of "Encoding Windows-1252 (the same as …); the bytes would also fit …". */
const encodingName = (words) => words.replace(/^Encoding /, "").split(/ \(|[;,.]/)[0];

/** What is said about the encoding comes first, if its name does not say it all. */
const allNotes = ({ file_format: { encoding }, notes }) => [encoding && encoding !== encodingName(encoding) && encoding, ...notes].filter(Boolean);

function factsOf({ dataset, kind, file_format: file, created_at: at, created_by: who }) {
  const { format, compression, encoding, dialect, rows, is_whole: isWhole, bad_records: bad } = file;
  const header = dialect && (dialect.has_header ? `Row ${dialect.header_rows.join(" and ")}` : "None");
  return {
    Dataset: kind === "new" ? `${dataset} (new)` : h("a", { href: href("data", [dataset]) }, dataset),
    Format: format && [format, compression].filter(Boolean).join(", "),
    Encoding: encoding && encodingName(encoding),
    Delimiter: dialect && (DELIMITERS[dialect.delimiter] ?? dialect.delimiter),
    Quotes: dialect && dialect.quote,
    Header: header,
    "Records read": rows !== null && rows !== undefined && `${count(rows)}${isWhole ? "" : ", a sample"}${bad ? `, ${count(bad)} unreadable` : ""}`,
    Proposed: `${moment(at)}, by ${who}`,
  };
}

function decision(talk, found) {
  const { is_acceptable: isAcceptable, open_questions: questions, path } = found;
  if (!talk.mayDecide) {
    const words = "Deciding on contracts requires an API key with the scope contracts.";
    return h("p", {}, words, " ", h("button", { type: "button", class: "link", onclick: () => openLogin(words) }, "Sign in"));
  }
  const dismiss = async () => {
    const text = [h("strong", { class: "mono" }, path), h("p", {}, "Its file stays where it is and is not loaded. No contract is proposed for it again while it is unchanged.")];
    if (await confirmAction({ title: "Dismiss this proposal?", text, action: "Dismiss" })) await talk.request("dismiss");
  };
  const missing = questions ? "Answer the open questions first." : "Something is in the way: see above.";
  const note = unique("accept-note");
  return [
    h(
      "div",
      { class: "chips decision" },
      h("button", { type: "button", class: "button primary", "data-focus": "accept", disabled: !isAcceptable, "aria-describedby": isAcceptable ? null : note, onclick: () => talk.request("accept") }, icon("check"), "Accept"),
      h("button", { type: "button", class: "button", "data-focus": "try", disabled: !isAcceptable, "aria-describedby": isAcceptable ? null : note, onclick: () => tryIt(talk) }, "Try it"),
      h("button", { type: "button", class: "button", "data-focus": "dismiss", onclick: dismiss }, "Dismiss"),
      !isAcceptable && h("span", { class: "muted", id: note }, missing),
    ),
  ];
}

/** A load of which nothing is kept: what would be accepted, and why the rest would not. */
async function tryIt(talk) {
  replace(talk.trial);
  const done = await talk.request("dry-run");
  if (done?.state === "done") replace(talk.trial, trialNodes(done.result));
}

function trialNodes({ records, rejects, unknown_fields: unknown, values_cleared: cleared, is_whole: isWhole }) {
  const entries = {
    [isWhole ? "Records" : "First records"]: records.read,
    Accepted: records.accepted,
    "Superseded within the file": records.superseded,
    "Keys in the table already": records.replaced,
    Rejected: records.rejected,
    "Values cleared": cleared || null,
  };
  return [
    h("h3", {}, "What a load would do"),
    h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => value !== null && value !== undefined && h("div", {}, h("dt", {}, label), h("dd", {}, count(value))))),
    unknown.length > 0 && h("p", { class: "muted" }, `Columns that the contract does not know: ${unknown.join(", ")}.`),
    rejects.length > 0 && table({
      caption: "Why records would be rejected, most frequent first",
      rows: rejects.map((cause) => ({ ...cause, line: cause.lines[0] })),
      columns: [
        { key: "count", label: "Records", number: true, format: count },
        { key: "field", label: "Field", head: true, format: (value) => value ?? "The record" },
        { key: "reason", label: "Why", wrap: true, node: (_, { line, reason }) => line?.reason ?? reason },
        { key: "line", label: "For example", wrap: true, node: (line) => line && [`Record ${count(line.record_no)}: `, h("code", {}, line.text)] },
      ],
    }),
  ];
}

/** What became of it. Links load the page again: it does not know the new dataset yet. */
function ended({ state, dataset, version, ended_at: at, ended_by: who }) {
  const words = { accepted: `Version ${count(version)} of the contract of ${dataset} was accepted`, dismissed: "Dismissed", superseded: "Replaced by another proposal or contract" }[state];
  const link = (address, image, text) => h("a", { class: "button", href: address, target: "_self" }, icon(image), text);
  return [
    h("p", {}, `${words}, ${moment(at)}, by ${who}.`),
    state === "accepted" && h("div", { class: "chips decision" }, link(href("data", [dataset]), "file", "The dataset"), link(href("pipeline", [], { dataset }), "pipeline", "Its files and loads")),
  ];
}

// -- questions

function questionNodes(talk, { questions, is_edited: isEdited, state }) {
  const isOpen = state === "open" && !isEdited && talk.mayDecide;
  const form = h(
    "form",
    { class: "stack" },
    isEdited && h("p", { class: "muted" }, "The contract was edited, which has answered every question."),
    questions.map((question) => questionField(question, isOpen, isOpen ? alike(question, questions) : [])),
    isOpen && h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary", "data-focus": "answer" }, "Save answers")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = questions.map(({ id, answer }) => [id, inputOf(form, id, ":checked")?.value, answer]);
    const answers = Object.fromEntries(given.filter(([, value, before]) => value !== undefined && value !== before));
    if (Object.keys(answers).length === 0) return toast("Choose an answer first");
    return talk.request("answers", { type: "application/json", body: JSON.stringify({ answers }) });
  });
  return form;
}

const answersOf = ({ answers, columns }) => [...new Set([...answers, ...(columns.length ? ["text"] : [])])];

/** All questions of the kind that can be answered alike; none if there is only this one. */
function alike({ kind, answers }, questions) {
  const found = questions.filter((other) => other.kind === kind && answers.some((each) => other.answers.includes(each)));
  return found.length > 1 ? found : [];
}

/** Gives the answer that is chosen in one question to the others that take it. Nothing is sent before it is saved. */
function applyToAll(form, id, others) {
  const value = inputOf(form, id, ":checked")?.value;
  if (value === undefined) return toast("Choose an answer first");
  const inputs = others.map((other) => inputOf(form, other.id, `[value="${CSS.escape(value)}"]`)).filter(Boolean);
  for (const input of inputs) input.checked = true;
  const left = others.length - inputs.length;
  return toast(`Chosen in ${count(inputs.length)} questions${left ? `; ${count(left)} do not take it` : ""}. Save the answers next.`);
}

const inputOf = (form, id, selector) => form.querySelector(`input[name="${CSS.escape(id)}"]${selector}`);

/** Kinds of questions about whole records: their texts say how many. */
const WITHOUT_CELLS = ["key", "rejects"];

function questionField(question, isOpen, others) {
  const { id, kind, text, cells, suggestion, values, answer } = question;
  const all = answersOf(question);
  const apply = (event) => applyToAll(event.target.closest("form"), id, others);
  return h(
    "fieldset",
    { class: "question" },
    h("legend", {}, text.replaceAll("`", "")),
    h("p", { class: "muted" }, !WITHOUT_CELLS.includes(kind) && !text.includes("depend") && `${count(cells)} ${cells === 1 ? "cell depends" : "cells depend"} on it. `, answer === null && badge("open", "warn")),
    values.length > 0 && h("p", {}, "In question: ", values.slice(0, 10).map((value, i) => [i > 0 && ", ", h("code", {}, value)])),
    all.map((each) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: id, value: each, checked: each === answer, disabled: !isOpen, "data-focus": `${id} ${each}` }),
        h("span", {}, ANSWERS[each] ?? each),
        each === suggestion && badge("other columns suggest this", "accent"),
      ),
    ),
    others.length > 0 && h("p", {}, h("button", { type: "button", class: "link", "data-focus": `${id} all`, onclick: apply }, `Apply to all ${count(others.length)} questions of this kind`)),
  );
}

// -- columns

/** Fields of the contract, each with the column of the file that it is. */
function pairs({ contract_document: contract, columns }) {
  if (!contract) return columns.map((column) => ({ field: { ...column, title: column.title || column.name }, column }));
  const isOf = (field, column) => column.name === field.name || (field.aliases ?? []).includes(column.found_as);
  return contract.schema.fields.map((field) => ({ field, column: columns.find((column) => isOf(field, column)) ?? null }));
}

function columnNodes(talk, found) {
  const { contract_document: contract, open_questions: questions, state } = found;
  const isEditable = state === "open" && Boolean(contract) && questions === 0 && talk.mayDecide;
  const rows = pairs(found).map((pair, i) => ({ ...pair, inputs: isEditable ? inputsOf(pair.field, i) : null }));
  const own = isEditable && { name: textInput("Name of the dataset", contract.name, { "data-focus": "dataset-name" }), title: textInput("Title of the dataset", contract.title ?? "", { "data-focus": "dataset-title" }) };
  const save = (event) => {
    event.preventDefault();
    const changes = rows.map(({ inputs }) => Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, input.value.trim()])));
    const names = rows.map(({ column }) => column?.found_as ?? null);
    const changed = changedContract(contract, { name: own.name.value.trim(), title: own.title.value.trim(), changes, found: names });
    return talk.request("contract", { method: "PUT", type: "application/yaml", body: `${yaml(changed).trimStart()}\n` });
  };
  const form = h(
    "form",
    {},
    state === "open" && questions > 0 && h("p", { class: "muted" }, "Columns can be edited when the questions are answered: some of them follow from the answers."),
    own && h("div", { class: "filters" }, h("label", { class: "field" }, "Name of the dataset", own.name), h("label", { class: "field" }, "Title", own.title)),
    columnsTable(rows, found),
    isEditable && h("div", { class: "chips decision" }, h("button", { type: "submit", class: "button", "data-focus": "save-columns" }, "Save columns"), h("span", { class: "muted" }, "Saving edits the contract; nothing is loaded yet.")),
  );
  form.addEventListener("submit", save);
  return form;
}

const textInput = (label, value, more = {}) => h("input", { class: "input", "aria-label": label, value, maxlength: 200, spellcheck: "false", ...more });

function choice(label, value, options, focus) {
  const known = options.includes(value) ? options : [value, ...options];
  return h("select", { class: "input", "aria-label": label, "data-focus": focus }, known.map((each) => h("option", { value: each, selected: each === value }, each)));
}

function inputsOf({ name, title: words = name, type, role, unit }, i) {
  const label = (what) => `${what} of column ${words}`;
  return {
    name: textInput(label("Name"), name, { "data-focus": `name-${i}` }),
    title: textInput(label("Title"), words, { "data-focus": `title-${i}` }),
    type: choice(label("Type"), type, TYPES, `type-${i}`),
    role: choice(label("Role"), role, ROLES, `role-${i}`),
    unit: textInput(label("Unit"), unit ?? "", { "data-focus": `unit-${i}`, size: 6 }),
  };
}

function columnsTable(rows, { contract_document: contract }) {
  const key = [contract?.schema.primaryKey ?? []].flat();
  const edited = (name) => (_, { field, inputs }) => (inputs ? inputs[name] : (field[name] ?? "–"));
  return table({
    caption: "Columns of the proposal",
    rows,
    columns: [
      { key: "name", label: "Name", head: true, node: (_, row) => [edited("name")(_, row), key.includes(row.field.name) && [" ", badge("key", "accent")]] },
      { key: "title", label: "Title", node: edited("title") },
      { key: "type", label: "Type", node: edited("type") },
      { key: "role", label: "Role", node: edited("role") },
      { key: "unit", label: "Unit", node: edited("unit"), title: "A symbol of UCUM such as kg or km, or currency" },
      { key: "filled", label: "Filled", number: true, node: (_, { column }) => (column?.cells ? bar(filled(column), share(filled(column))) : "–") },
      { key: "examples", label: "Examples", wrap: true, node: (_, { column }) => column?.examples?.length ? column.examples.slice(0, EXAMPLES).map((each, i) => [i > 0 && ", ", h("code", {}, each)]) : "–" },
      { key: "evidence", label: "Evidence", wrap: true, format: (_, { column }) => column?.evidence?.join("; ") || "–", title: "Why the column is proposed as it is" },
    ],
  });
}

const filled = ({ cells, empty }) => (100 * (cells - empty)) / cells;
/** 100% is said of columns without an empty cell alone. */
const share = (value) => (value === 100 ? percent(100, 0) : percent(Math.min(99.9, value), 1));

function previewTable({ titles, rows }) {
  const columns = titles.map((words, i) => ({ key: String(i), label: words || `Column ${i + 1}` }));
  return table({ caption: `The first ${count(rows.length)} records`, rows: rows.map((cells) => Object.fromEntries(cells.map((cell, i) => [i, cell]))), columns });
}
