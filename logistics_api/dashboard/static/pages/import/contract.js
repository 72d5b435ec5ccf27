// A contract as a document: changed field by field, and written as YAML.

/** Keys of a field that only make sense for its type: another type starts without them. */
const OF_TYPE = ["format", "trueValues", "falseValues", "decimalChar", "groupChar", "bareNumber", "negativeParentheses", "timeZone", "example"];
const BOUNDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/**
 * The contract with other fields: `changes` has for each field, in their order, {name, title, type, role, unit}. `found`
 * has the names by which a load finds the columns: a field with another name keeps that as an alias.
 */
export function changedContract(contract, { name, title, changes, found }) {
  const { schema, datedBy } = contract;
  const names = new Map(schema.fields.map((field, i) => [field.name, changes[i].name]));
  const renamed = (field) => names.get(field) ?? field;
  const fields = schema.fields.map((field, i) => changedField(field, changes[i], found[i]));
  const types = Object.fromEntries(fields.map((field) => [field.name, field.type]));
  const result = { ...contract, name, title, schema: { ...schema, fields } };
  if (schema.primaryKey) result.schema.primaryKey = [schema.primaryKey].flat().map(renamed);
  if (schema.foreignKeys) result.schema.foreignKeys = schema.foreignKeys.map((each) => ({ ...each, fields: [each.fields].flat().map(renamed) }));
  if (datedBy) result.datedBy = { ...datedBy, field: renamed(datedBy.field) };
  if (datedBy && !datedBy.dataset && !["date", "datetime"].includes(types[result.datedBy.field])) delete result.datedBy;
  return result;
}

function changedField(field, { name, title, type, role, unit }, foundAs) {
  const changed = { ...field, name, title, type, role };
  delete changed.unit;
  if (unit) changed.unit = unit;
  if (type !== field.type) {
    for (const key of OF_TYPE) delete changed[key];
    if (changed.constraints) changed.constraints = Object.fromEntries(Object.entries(changed.constraints).filter(([key]) => !BOUNDS.includes(key)));
  }
  const aliases = [...new Set([...(field.aliases ?? []), ...(name === field.name ? [] : [foundAs ?? field.name])])].filter((alias) => alias !== name);
  if (aliases.length) changed.aliases = aliases;
  return changed;
}

const PLAIN = /^[A-Za-z][A-Za-z0-9_]*$/;
const RESERVED = /^(true|false|yes|no|on|off|null|y|n)$/i;

/** What JSON leaves as it is and YAML takes for a line break, or does not take. */
const UNPRINTED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** YAML of a document of JSON: blocks, with every text quoted that could be read as something else. */
export function yaml(value, indent = "") {
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    if (value.every((each) => each === null || typeof each !== "object")) return `[${value.map(scalar).join(", ")}]`;
    return value.map((each) => `\n${indent}- ${yaml(each, `${indent}  `).trimStart()}`).join("");
  }
  if (value === null || typeof value !== "object") return scalar(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (entries.length === 0) return "{}";
  return entries.map(([key, each]) => `\n${indent}${scalar(key)}:${spaced(yaml(each, `${indent}  `))}`).join("");
}

const spaced = (text) => (text.startsWith("\n") ? text : ` ${text}`);

function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value).replaceAll(UNPRINTED, escaped);
}
