// The datasets for readers: their titles and columns, and what they can be filtered and sorted by. The page contains
// what /api/datasets returns.

const ALL = JSON.parse(document.querySelector('meta[name="logistics-datasets"]').content).datasets;

/** Name → dataset: {words, path, exports, key, references, date, sorts, columns}; `key` lists the fields of the key. The first sort is the default; `added` columns are those of the record that dates a row. */
export const DATASETS = Object.fromEntries(ALL.map((dataset) => [dataset.name, asShown(dataset)]));

function asShown({ title, rows, exports, key_fields: key, references, date, sorts, fields, added_fields: added, added_sorts: addedSorts }) {
  const all = [...fields, ...added];
  const titles = { file_id: "File number", ...Object.fromEntries(all.map((field) => [field.name, field.title])) };
  return {
    words: title, path: rows, exports, key, references, date,
    sorts: Object.fromEntries([...sorts, ...addedSorts].map(({ sort, field, direction }) => [sort, sortWords(titles[field], field === date, direction)])),
    columns: Object.fromEntries(all.map(({ name, label, type, references, description }) => [name, { label, type, references, description, added: added.some((field) => field.name === name) }])),
  };
}

function sortWords(title, isDate, direction) {
  if (isDate) return direction === "descending" ? "Newest first" : "Oldest first";
  return `${title} ${direction === "descending" ? "↓" : "↑"}`;
}

export const datasetWords = (dataset) => DATASETS[dataset]?.words ?? dataset ?? "None";

const LONGEST_FIRST = Object.keys(DATASETS).sort((a, b) => b.length - a.length);

/** The dataset a file belongs to by its path: the pipeline's rule (`Catalogue.dataset_of_path`); a test compares the two. */
export function guessDataset(path) {
  for (const part of path.toLowerCase().split("/")) {
    const name = part.replaceAll(/[- ]/g, "_");
    const found = LONGEST_FIRST.find((dataset) => name === dataset || (name.startsWith(dataset) && /[^a-z]/.test(name[dataset.length])));
    if (found) return found;
  }
  return null;
}
