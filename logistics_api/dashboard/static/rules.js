// Rules of alerts: what they can watch in words, and how they are read, stored, switched and tried.

import { get, send } from "./api.js";

export const WRITTEN = "/api/alerts/rules";
const TRIALS = "/api/alerts/trials";

/** What a rule can watch → words, and the unit of its value. `needs`: what it cannot be without; `labels`: what its subjects are told apart by, beside the fields of `by`. */
export const KINDS = {
  metric: { words: "A metric", needs: ["dataset", "metric"] },
  outside_forecast: { words: "A metric outside its forecast", unit: "periods", needs: ["dataset", "metric"], labels: ["dataset", "metric"] },
  failed_files: { words: "Files that have failed", labels: ["dataset", "file"] },
  unrecognised_files: { words: "Files that belong to no dataset", labels: ["file"] },
  rejected_share: { words: "Rejected records of a file", unit: "percent", labels: ["dataset", "file"] },
  overdue_datasets: { words: "Datasets without new files", unit: "times the usual gap", labels: ["dataset"] },
  figures_behind: { words: "Figures that are behind", unit: "seconds" },
  refresh_failed: { words: "A refresh that has failed" },
  unbalanced_files: { words: "Files whose counts do not add up", unit: "files", labels: ["dataset"] },
  contract_questions: { words: "Contracts that wait for a decision", unit: "proposals", labels: ["dataset"] },
  sources_failing: { words: "Sources that fail", unit: "seconds", labels: ["source", "resource"] },
  places_failing: { words: "Places of files that cannot be reached", unit: "seconds", labels: ["source"] },
  quality_score: { words: "Quality of datasets", unit: "percent", labels: ["dataset"] },
  quality_shortfall: { words: "Quality below the floor of the contract", unit: "percentage points", labels: ["dataset"] },
  changed_fields: { words: "Fields that are new, missing or retyped", labels: ["dataset", "field", "change"] },
  models_behind: { words: "Models that have not seen the newest records", unit: "seconds", labels: ["dataset", "model"] },
  model_drift: { words: "Inputs of models that have moved", unit: "population stability index", labels: ["dataset", "model", "input"] },
  model_error: { words: "Errors of models", unit: "times those of the median of the group", labels: ["dataset", "model"] },
  dead_letters: { words: "Messages that were given up", unit: "messages", labels: ["endpoint"] },
  cost_per_km: { words: "Cost per km of vehicles off their own baseline", unit: "percent", labels: ["vehicle_id"] },
  forecast_error: { words: "Errors of forecasts", unit: "times those of repeating the last season", labels: ["dataset", "metric", "grain", "by"] },
  forecast_set_back: { words: "Forecasts that were set back", unit: "series", labels: ["dataset", "metric", "grain", "by", "series"] },
};

/** A word for each kind of period, and for what a value is compared with. */
export const GRAINS = { day: "days", week: "weeks", month: "months" };
export const COMPARED = { "": "Nothing", previous: "The period before", year: "A year before", weekdays: "The same weekdays a year before" };

/** Keys of a rule that the form has fields for; the others stay as they are. */
const OF_FORM = new Set(["title", "description", "watch", "when", "for", "keepFor", "severity", "groupBy", "inhibitedBy", "active", "owner", "runbook", "enabled"]);
const OF_WATCH = new Set(["kind", "dataset", "metric", "by", "grain", "over", "compare"]);

/** The names of keys that the form has no field for. */
export const otherKeys = (definition) => [
  ...Object.keys(definition).filter((key) => !OF_FORM.has(key)),
  ...Object.keys(definition.watch ?? {}).filter((key) => !OF_WATCH.has(key)),
];

/** The datasets whose metrics can be watched: their records have days. */
export const withDays = (catalogue) => Object.keys(catalogue).filter((name) => catalogue[name].has_days);

/** The one that a form begins with. */
export const firstDataset = (catalogue) => (catalogue.shipments ? "shipments" : withDays(catalogue)[0]);

/** What the subjects of a rule are told apart by. */
export const labelsOf = ({ by = [], kind }) => [...by, ...(KINDS[kind]?.labels ?? [])];

/** The rules by name → their titles. */
export const ruleTitles = (rules) => Object.fromEntries(rules.map(({ name, definition }) => [name, definition?.title ?? name]));

/** A rule to begin with. */
export const fresh = (catalogue) => {
  const dataset = firstDataset(catalogue);
  return { title: "", watch: { kind: "metric", dataset, metric: Object.keys(catalogue[dataset]?.metrics ?? {})[0] }, when: {} };
};

/** A name made of a title: small letters, digits and underscores, a letter first. */
export const nameOf = (title) =>
  title.normalize("NFKD").toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^[^a-z]+|_+$/g, "").slice(0, 40).replace(/_+$/, "");

/** What the catalogue of metrics says of the metric that a rule watches; null without one. */
export const metricOf = ({ watch }, catalogue) => catalogue[watch.dataset]?.metrics[watch.metric] ?? null;

/** Without keys that hold nothing: the reader has words of its own for what is missing. */
function cleaned(value) {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, each]) => [key, cleaned(each)]);
  return Object.fromEntries(entries.filter(([, each]) => each !== null && each !== "" && each !== undefined && !(Array.isArray(each) && each.length === 0)));
}

/** A definition without empty keys, and without those that its kind does not take. */
export function tidy(definition) {
  const { kind } = definition.watch;
  const watch = { ...definition.watch };
  if (!KINDS[kind]?.needs) for (const key of ["metric", "by", "grain", "over", "compare"]) delete watch[key];
  if (kind === "outside_forecast") for (const key of ["by", "compare"]) delete watch[key];
  const found = cleaned({ ...definition, watch });
  if (found.when && Object.keys(found.when).length === 0) delete found.when;
  return found;
}

const written = (definition, extra = {}) => JSON.stringify({ ...extra, definition });
const headers = (version) => ({ "Content-Type": "application/json", ...(version && { "If-Match": `"${version}"` }) });

export const addRule = async (name, definition) => (await send(WRITTEN, { method: "POST", headers: headers(), body: written(definition, { name }) })).json();

export const changeRule = async ({ name, version }, definition) =>
  (await send(`${WRITTEN}/${name}`, { method: "PUT", headers: headers(version), body: written(definition) })).json();

export const removeRule = ({ name, version }) => send(`${WRITTEN}/${name}`, { method: "DELETE", headers: headers(version) });

/** Tries a rule; resolves when a worker has done it. `waiting(seconds)` is called until then; `stopped()` ends the wait. */
export async function tryRule(name, definition, days, waiting, stopped) {
  let trial = await (await send(TRIALS, { method: "POST", headers: headers(), body: written(definition, { name, days }) })).json();
  const began = Date.now();
  while (["queued", "running"].includes(trial.state) && !stopped()) {
    waiting((Date.now() - began) / 1000, trial.state);
    await new Promise((resolve) => setTimeout(resolve, 500));
    trial = await get(`${TRIALS}/${trial.trial_id}`);
  }
  return trial;
}
