// The form of a rule: what it watches, when it fires, how it asks for attention; and trying it before it is saved.

import { h, replace } from "../dom.js";
import { DAYS, timeZone } from "../alerts.js";
import { ApiError } from "../api.js";
import { COMPARED, GRAINS, KINDS, addRule, changeRule, firstDataset, fresh, labelsOf, metricOf, nameOf, otherKeys, tidy, tryRule, withDays } from "../rules.js";
import { unitWords } from "../metrics.js";
import { openDialog } from "./dialogs.js";
import { openLogin } from "./login.js";
import { fieldGroups, fieldWords, names } from "./questionform.js";
import { trialResult } from "./ruletrial.js";

const SEVERITIES = { info: "Info", warning: "Warning", critical: "Critical" };
const TRIED = { 30: "30 days", 90: "90 days", 365: "A year" };

/** Opens the form of a rule, or of a new one. `rules`: the titles of all, by name. Resolves to the rule as it was saved, or to null. */
export async function ruleForm({ rule = null, catalogue, rules }) {
  const definition = structuredClone(rule?.definition ?? fresh(catalogue));
  definition.watch ??= {};
  definition.when ??= {};
  let name = rule?.name ?? "";
  let saved = null;
  const isFixed = rule?.origin === "file";
  const problem = h("p", { class: "note warn", role: "alert", hidden: true });
  const fields = h("fieldset", { class: "rule-fields", disabled: isFixed });
  const draw = () => replace(fields, fieldsOf({ rule, definition, catalogue, rules, draw, nameOf: () => name, rename: (text) => (name = text) }));
  const accept = () => (problem.hidden = true);
  const trial = trialPart({ definition, catalogue, name: () => name || "a_rule", accept, refuse });
  const form = h(
    "form",
    { class: "stack" },
    isFixed && h("p", { class: "note" }, h("span", {}, "This rule is the file ", h("code", {}, rule.file), " in the data folder, and is changed there.")),
    fields,
    problem,
    !isFixed && h("div", { class: "chips" }, h("button", { type: "submit", class: "button primary" }, "Save")),
    trial,
  );
  function refuse(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 || error.status === 403) return openLogin("Changing rules requires an API key with the scope alerts.");
    problem.textContent = error.errors.map(({ expected }) => expected).join(" ") || error.reason; // it begins with the key
    problem.hidden = false;
    problem.scrollIntoView({ block: "nearest" });
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    accept();
    try {
      saved = rule ? await changeRule(rule, tidy(definition)) : await addRule(name, tidy(definition));
      form.closest("dialog").close();
    } catch (error) {
      refuse(error);
    }
  });
  draw();
  await openDialog({ title: rule ? (isFixed ? `Rule ${rule.name}` : `Change ${rule.name}`) : "New rule", content: form, drawer: true });
  trial.stop();
  return saved;
}

const labelled = (label, ...content) => h("label", { class: "field" }, label, content);

/** An input that writes what it holds into a key of an object; an empty one takes the key away. */
function input(host, key, { label, kind = "text", read = (text) => text, ...attributes }) {
  const made = h("input", { class: "input", type: kind, value: host[key] ?? "", "data-focus": `rule-${key}`, autocomplete: "off", ...attributes });
  made.addEventListener("input", () => (made.value === "" ? delete host[key] : (host[key] = read(made.value))));
  return labelled(label, made);
}

const number = (host, key, label) => input(host, key, { label, kind: "number", step: "any", read: Number });

function select(label, key, options, value, choose) {
  const made = h(
    "select",
    { class: "input", "data-focus": `rule-${key}`, onchange: () => choose(made.value) },
    Object.entries(options).map(([each, words]) => h("option", { value: each, selected: each === value }, words)),
  );
  return labelled(label, made);
}

function fieldsOf({ rule, definition, catalogue, rules, draw, nameOf: known, rename }) {
  const others = otherKeys(definition);
  return [
    h("div", { class: "question-form" }, titleFields(rule, definition, known, rename)),
    h("h3", {}, "What is watched"),
    h("div", { class: "question-form" }, watchFields(definition, catalogue, draw)),
    h("h3", {}, "When it fires"),
    h("div", { class: "question-form" }, whenFields(definition, catalogue)),
    h("h3", {}, "Who hears of it"),
    h("div", { class: "question-form" }, attentionFields(definition)),
    h("h3", {}, "When it is announced"),
    h("div", { class: "question-form" }, activeFields(definition, draw), togetherFields({ rule, definition, catalogue, rules, draw })),
    others.length > 0 && h("p", { class: "muted" }, `It keeps what else it says: ${others.join(", ")}.`),
  ];
}

function titleFields(rule, definition, known, rename) {
  const name = h("input", { class: "input", required: true, maxlength: 40, pattern: "[a-z][a-z0-9_]*", value: known(), "data-focus": "rule-name", autocomplete: "off", title: "Small letters, digits and underscores, a letter first" });
  let isOwn = Boolean(rule) || (known() !== "" && known() !== nameOf(definition.title));
  name.addEventListener("input", () => {
    isOwn = name.value !== "";
    rename(name.value);
  });
  const title = input(definition, "title", { label: "Title: what has happened", required: true });
  title.addEventListener("input", () => {
    if (isOwn) return;
    name.value = nameOf(definition.title ?? "");
    rename(name.value);
  });
  return [title, !rule && labelled("Name", name)];
}

function watchFields(definition, catalogue, draw) {
  const { watch } = definition;
  const choose = (changes) => {
    Object.assign(watch, changes);
    draw();
  };
  const needs = KINDS[watch.kind]?.needs;
  const titles = Object.fromEntries((needs ? withDays(catalogue) : Object.keys(catalogue)).map((name) => [name, catalogue[name].title]));
  if (watch.dataset && !titles[watch.dataset]) titles[watch.dataset] = watch.dataset;
  const first = (dataset) => Object.keys(catalogue[dataset]?.metrics ?? {})[0];
  const kinds = Object.fromEntries(Object.entries(KINDS).map(([kind, { words }]) => [kind, words]));
  if (!kinds[watch.kind]) kinds[watch.kind] = watch.kind;
  const chooseKind = (kind) => {
    const dataset = watch.dataset ?? (KINDS[kind].needs ? firstDataset(catalogue) : null);
    choose({ kind, dataset, metric: KINDS[kind].needs ? (watch.metric ?? first(dataset)) : null });
  };
  return [
    select("What", "kind", kinds, watch.kind, chooseKind),
    select("Dataset", "dataset", needs ? titles : { "": "All datasets", ...titles }, watch.dataset ?? "", (dataset) =>
      choose({ dataset: dataset || null, ...(needs && { metric: first(dataset), by: [] }) }),
    ),
    needs && metricFields(watch, catalogue, choose),
  ];
}

function metricFields(watch, catalogue, choose) {
  const described = catalogue[watch.dataset];
  const metrics = Object.fromEntries(Object.values(described?.metrics ?? {}).map(({ name, title }) => [name, title]));
  if (watch.metric && !metrics[watch.metric]) metrics[watch.metric] = watch.metric;
  const isMetric = watch.kind === "metric";
  const over = input(watch, "over", { label: "Newest periods that count", kind: "number", min: 1, max: 366, placeholder: "1", read: Number });
  return [
    select("Metric", "metric", metrics, watch.metric ?? "", (metric) => choose({ metric })),
    isMetric && described && names("For each", "by", watch.by ?? [], fieldGroups(described.dimensions), (path) => fieldWords(path, described), (by) => choose({ by })),
    over,
    select("They are", "grain", GRAINS, watch.grain ?? "day", (grain) => choose({ grain: grain === "day" ? null : grain })),
    isMetric && select("Change in percent against", "compare", COMPARED, watch.compare ?? "", (compare) => choose({ compare: compare || null })),
  ];
}

function whenFields(definition, catalogue) {
  const { when, watch } = definition;
  const unit = watch.compare ? "percent" : (unitWords(metricOf(definition, catalogue)?.unit) ?? KINDS[watch.kind]?.unit);
  const ending = unit ? `, ${unit}` : "";
  return [
    number(when, "above", `Above${ending}`),
    number(when, "below", `Below${ending}`),
    number(when, "clearBelow", "All right again below"),
    number(when, "clearAbove", "All right again above"),
    input(definition, "for", { label: "It has to hold for", placeholder: "0s, 10m, 1d" }),
    input(definition, "keepFor", { label: "It has to be over for", placeholder: "0s, 10m, 1d" }),
  ];
}

function attentionFields(definition) {
  const description = h("textarea", { class: "input", rows: 3, "data-focus": "rule-description" }, definition.description ?? "");
  description.addEventListener("input", () => (definition.description = description.value));
  const isOn = h("input", { type: "checkbox", role: "switch", checked: definition.enabled !== false, "data-focus": "rule-enabled" });
  isOn.addEventListener("change", () => (isOn.checked ? delete definition.enabled : (definition.enabled = false)));
  return [
    select("Severity", "severity", SEVERITIES, definition.severity ?? "warning", (severity) => (definition.severity = severity)),
    input(definition, "owner", { label: "Owner" }),
    input(definition, "runbook", { label: "Address of what to do", kind: "url" }),
    h("label", { class: "field whole" }, "What it means, and what to do", description),
    h("label", { class: "switch" }, isOn, "Switched on"),
  ];
}

/** Hours in which it is announced. */
function activeFields(definition, draw) {
  const { active } = definition;
  const choose = (isLimited) => {
    if (isLimited) definition.active = { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00", timeZone: timeZone() };
    else delete definition.active;
    draw();
  };
  const times = select("At which hours", "active", { "": "Always", some: "At some hours" }, active ? "some" : "", (chosen) => choose(chosen !== ""));
  if (!active) return times;
  const days = (active.days ?? []).join(",");
  const options = days in DAYS ? DAYS : { [days]: active.days.join(", "), ...DAYS };
  return [
    times,
    select("Days", "days", options, days, (chosen) => (active.days = chosen.split(",").filter(Boolean))),
    input(active, "from", { label: "From", kind: "time" }),
    input(active, "to", { label: "To", kind: "time" }),
    input(active, "timeZone", { label: "Time zone", placeholder: "UTC" }),
  ];
}

/** What it is announced together with, and what explains it. */
function togetherFields({ rule, definition, catalogue, rules, draw }) {
  const { watch, groupBy = [], inhibitedBy = [] } = definition;
  const described = catalogue[watch.dataset];
  const labels = Object.fromEntries(labelsOf(watch).map((label) => [label, label]));
  const others = Object.fromEntries(Object.entries(rules).filter(([name]) => name !== rule?.name));
  const choose = (key) => (chosen) => {
    definition[key] = chosen;
    draw();
  };
  const wordsOf = (label) => ((watch.by ?? []).includes(label) && described ? fieldWords(label, described) : label);
  return [
    names("Together by", "groupBy", groupBy, [["", labels]], wordsOf, choose("groupBy")),
    names("Not while one of these is open", "inhibitedBy", inhibitedBy, [["", others]], (name) => rules[name] ?? name, choose("inhibitedBy")),
  ];
}

/** The part that tries what the form says, as it is now. */
function trialPart({ definition, catalogue, name, accept, refuse }) {
  const days = h("select", { class: "input", "aria-label": "Days to try" }, Object.entries(TRIED).map(([value, words]) => h("option", { value, selected: value === "90" }, words)));
  const result = h("div", { class: "stack" });
  let turn = 0;
  const waiting = (seconds, state) => {
    const words = state === "queued" && seconds > 5 ? "No worker has begun yet. logistics up starts one." : "Trying …";
    if (result.textContent !== words) replace(result, h("p", { class: "muted", role: "status" }, words));
  };
  const run = async () => {
    turn += 1;
    const mine = turn;
    accept();
    waiting(0, "queued");
    try {
      const asked = { title: "A rule", ...tidy(structuredClone(definition)) }; // it may not have a title yet
      const trial = await tryRule(name(), asked, Number(days.value), waiting, () => mine !== turn);
      if (mine !== turn) return;
      replace(result, trialResult(trial, asked, catalogue));
      result.scrollIntoView({ block: "nearest" });
    } catch (error) {
      replace(result);
      refuse(error);
    }
  };
  const button = h("button", { type: "button", class: "button", onclick: run }, "Try");
  const part = h("section", { class: "stack", "aria-label": "Try it" }, h("h3", {}, "Try it against the past"), h("div", { class: "chips" }, days, button), result);
  part.stop = () => (turn += 1);
  return part;
}
