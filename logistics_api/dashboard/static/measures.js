// The words for every measure: label, unit, definition and the direction that is good. The page contains what /api/measures
// returns, so that a measure is called the same on every page and in the API.

const { measures, on_time_hours: target } = JSON.parse(document.querySelector('meta[name="logistics-measures"]').content);
const byName = Object.fromEntries(measures.map((measure) => [measure.name, measure]));

/** {label, unit, definition, better}: `unit` as it stands behind a number, or null; `better` is "up", "down" or null. */
export function measure(name) {
  const { label, display_unit: shown, definition, better } = byName[name];
  const unit = shown?.startsWith("per ") ? null : shown; // the label says it
  return { label, unit, definition: plain(definition), better: better === "neither" ? null : better };
}

/** The target of one's own for delivery times, in hours; null if the setting names none. */
export const onTimeHours = target;

export const labelOf = (name) => measure(name).label;
/** Label and definition of a column of a table. */
export const columnOf = (name) => ({ label: labelOf(name), title: measure(name).definition });

const plain = (text) => text.replaceAll("`", "");
