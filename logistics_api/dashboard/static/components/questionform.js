// The form of a question about metrics: every choice is a parameter of the address, so the page can be shared as it is.

import { h } from "../dom.js";
import { plainNumber } from "../format.js";
import { icon } from "../icons.js";
import { COMPARISONS, GRAINS, OPERATORS, SHOWN, conditionWords, conditionsOf, filterOf } from "../metrics.js";
import { grainOfLength } from "../periods.js";
import { rangeControl } from "./range.js";

const NUMERIC = new Set(["number", "integer", "year"]);
const ORDERED = new Set(["number", "integer", "date", "datetime", "time", "duration", "year", "yearmonth"]);
const INPUTS = { date: "date", time: "time", yearmonth: "month" };
const HINTS = { boolean: "true or false", datetime: "2024-01-31T14:30", duration: "PT25H10M" };
const FRESH = { order: null, page: null };

/** questionForm(view, question, catalogue): nodes; drawn again with each change of the address. */
export function questionForm(view, question, catalogue) {
  const described = catalogue[question.dataset];
  const change = (changes) => view.set({ ...FRESH, ...changes });
  return [
    h(
      "div",
      { class: "question-form" },
      datasetField(change, question, catalogue),
      described && metricField(change, question, described),
      described && dimensionField(change, question, described),
      described && question.range && timeFields(view, change, question, described),
      described && furtherField(change, question, described),
    ),
    described && filterFields(change, question, described),
  ];
}

const field = (label, ...content) => h("label", { class: "field" }, label, content);

function select(label, name, options, value, choose) {
  const made = h(
    "select",
    { class: "input", "data-focus": `question-${name}`, onchange: () => choose(made.value) },
    Object.entries(options).map(([key, words]) => h("option", { value: key, selected: key === value }, words)),
  );
  return field(label, made);
}

function datasetField(change, question, catalogue) {
  const options = Object.fromEntries(Object.entries(catalogue).map(([name, { title }]) => [name, title]));
  if (!catalogue[question.dataset]) options[question.dataset] = question.dataset;
  const first = catalogue.shipments ? "shipments" : Object.keys(catalogue)[0];
  return select("Dataset", "dataset", options, question.dataset, (name) =>
    change({ dataset: name === first ? null : name, metrics: null, by: null, filter: null, grain: null, show: null, chart: null, exact: null }),
  );
}

/** Several names, each with a cross, and a list to add one from: `groups` are [heading, {name: words}]. */
export function names(label, kind, chosen, groups, wordsOf, choose) {
  const chips = chosen.map((name) =>
    h("button", { type: "button", class: "chip", "data-focus": `${kind}-${name}`, "aria-label": `Remove ${label.toLowerCase()} ${wordsOf(name)}`, onclick: () => choose(chosen.filter((other) => other !== name)) }, wordsOf(name), icon("close")),
  );
  const list = h(
    "select",
    { class: "input", "aria-label": `Add ${label.toLowerCase()}`, "data-focus": `question-${kind}`, onchange: () => list.value && choose([...chosen, list.value]) },
    h("option", { value: "" }, "Add…"),
    groups.map(([heading, options]) => {
      const entries = Object.entries(options).filter(([name]) => !chosen.includes(name)).map(([name, words]) => h("option", { value: name }, words));
      return heading === "" ? entries : entries.length > 0 && h("optgroup", { label: heading }, entries);
    }).flat().filter(Boolean),
  );
  return h("div", { class: "field", role: "group", "aria-label": label }, h("span", {}, label), h("div", { class: "chips" }, chips, list));
}

function metricField(change, question, { metrics }) {
  const options = Object.fromEntries(Object.values(metrics).map(({ name, title }) => [name, title]));
  return names("Metric", "metrics", question.metrics, [["", options]], (name) => metrics[name]?.title ?? name, (chosen) => change({ metrics: chosen.join(",") || null, show: null }));
}

/** The fields of a dataset and of those it refers to: [[heading, {path: words}]]. */
export function fieldGroups(dimensions) {
  const groups = new Map();
  for (const { path, title } of Object.values(dimensions)) {
    const steps = path.split(".").slice(0, -1);
    const heading = steps.map((step) => step[0].toUpperCase() + step.slice(1).replaceAll("_", " ")).join(" › ");
    if (!groups.has(heading)) groups.set(heading, {});
    groups.get(heading)[path] = title;
  }
  return [...groups];
}

/** The title of a field; of another dataset's with what leads to it. */
export function fieldWords(path, { dimensions }) {
  const steps = path.split(".").slice(0, -1);
  const title = dimensions[path]?.title ?? path;
  return steps.length && dimensions[path] ? `${title} (${steps.join(" › ").replaceAll("_", " ")})` : title;
}

function dimensionField(change, question, described) {
  return names("Group by", "by", question.by, fieldGroups(described.dimensions), (path) => fieldWords(path, described), (chosen) => change({ by: chosen.join(",") || null }));
}

function timeFields(view, change, question, { has_days: hasDays }) {
  if (!hasDays) return null;
  const range = rangeControl(() => ({ range: question.range, module: {}, get: (name) => view.get(name) }));
  range.update();
  const given = view.get("grain");
  const auto = question.by.length ? "No periods" : GRAINS[grainOfLength(question.range)].toLowerCase();
  const options = { auto: `Auto: ${auto.toLowerCase()}`, ...GRAINS };
  const comparisons = { "": "Nothing", ...Object.fromEntries(Object.entries(COMPARISONS).map(([value, { words }]) => [value, words])) };
  return [
    h("div", { class: "field", role: "group", "aria-label": "Days" }, h("span", {}, "Days"), range),
    select("Periods", "grain", options, given ?? "auto", (value) => change({ grain: value === "auto" ? null : value, show: null })),
    select("Compare with", "compare", comparisons, view.get("compare") ?? "", (value) => change({ compare: value || null })),
  ];
}

function furtherField(change, question, described) {
  const canShow = question.metrics.every((name) => !["distinct", "quantile"].includes(described.metrics[name]?.aggregate));
  const canShare = question.metrics.every((name) => described.metrics[name]?.adds_up);
  const options = Object.fromEntries(
    Object.entries(SHOWN).filter(([name]) => question.show.includes(name) || (canShow && (name === "share" ? canShare : question.grain !== null))),
  );
  if (Object.keys(options).length === 0) return null;
  return names("Also show", "show", question.show, [["", options]], (name) => SHOWN[name] ?? name, (chosen) => change({ show: chosen.join(",") || null }));
}

function filterFields(change, question, described) {
  const conditions = conditionsOf(question.filter);
  return [filterForm(change, conditions ?? [], described, conditions === null), filterChips(change, question, conditions, described)];
}

function filterChips(change, question, conditions, described) {
  if (question.filter === null) return null;
  const chip = (words, remaining) => h("button", { type: "button", class: "chip", "aria-label": `Remove filter ${words}`, onclick: () => change({ filter: remaining }) }, words, icon("close"));
  if (conditions === null) return h("div", { class: "chips" }, chip(question.filter, null));
  return h("div", { class: "chips" }, conditions.map((condition, i) => chip(conditionWords(condition, described), filterOf(conditions.filter((_, other) => other !== i)))));
}

function operatorsOf(type) {
  const usable = Object.entries(OPERATORS).filter(([name]) => (name === "startsWith" ? type === "string" : ["gt", "gte", "lt", "lte"].includes(name) ? ORDERED.has(type) : true));
  return [...usable, ["isNotNull", "has a value"]];
}

/** What a filter compares with, of what was typed: lists are separated by semicolons, as values have commas. */
function operandOf(operator, text, type) {
  const one = (part) => (type === "boolean" ? { true: true, false: false }[part.toLowerCase()] ?? part : NUMERIC.has(type) ? numberOf(part) : type === "datetime" ? part.replace(" ", "T") : part);
  return operator === "in" ? text.split(";").map((part) => one(part.trim())) : one(text);
}

/** As text where a JavaScript number would lose digits. */
function numberOf(text) {
  const plain = plainNumber(text);
  const number = Number(plain);
  return String(number) === plain ? number : plain;
}

function filterForm(change, conditions, { dimensions }, isFixed) {
  if (isFixed) return h("p", { class: "muted" }, "This filter was written by hand: remove it to choose another.");
  const groups = fieldGroups(dimensions).map(([heading, options]) => {
    const entries = Object.entries(options).map(([path, words]) => h("option", { value: path }, words));
    return heading === "" ? entries : h("optgroup", { label: heading }, entries);
  });
  const path = h("select", { class: "input", "aria-label": "Field", "data-focus": "filter-field" }, groups.flat());
  const operator = h("select", { class: "input", "aria-label": "Condition", "data-focus": "filter-operator" });
  const value = h("input", { class: "input", "aria-label": "Value", maxlength: 4096, "data-focus": "filter-value" });
  const type = () => dimensions[path.value]?.type;
  const needsValue = () => !["isNull", "isNotNull"].includes(operator.value);
  const fitValue = () => {
    value.hidden = !needsValue();
    value.required = needsValue();
    const isList = operator.value === "in";
    value.type = isList ? "text" : (INPUTS[type()] ?? "text");
    value.placeholder = isList ? "One; another" : (HINTS[type()] ?? "Value");
  };
  const fit = () => {
    operator.replaceChildren(...operatorsOf(type()).map(([name, words]) => h("option", { value: name }, words)));
    fitValue();
  };
  path.addEventListener("change", fit);
  operator.addEventListener("change", fitValue);
  fit();
  const form = h("form", { class: "filters", "aria-label": "Add a filter" }, path, operator, value, h("button", { type: "submit", class: "button", "data-focus": "filter-add" }, "Add filter"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const condition = needsValue()
      ? { field: path.value, operator: operator.value, value: operandOf(operator.value, value.value.trim(), type()) }
      : { field: path.value, operator: "isNull", value: operator.value === "isNull" };
    change({ filter: filterOf([...conditions, condition]) });
  });
  return form;
}
