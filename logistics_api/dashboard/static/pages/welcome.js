// Before the first file: how to bring data in. The page gives way by itself when the first figures are there.

import { h, replace } from "../dom.js";
import { datasetWords } from "../datasets.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { href } from "../router.js";

export const title = () => "Welcome";
export const ranged = false;

const SAMPLE = `data/raw/vehicles.json
data/raw/vehicle_logs-2024-06.ndjson.gz
data/raw/shipments/june/part-1.csv`;

/** Shipments are dated by their logs: without one, they are in no figure by day. */
function waiting(view) {
  const note = h("div", { role: "status" });
  const show = () => {
    const { unassigned_shipments: shipments, awaited_dataset: dataset } = view.status;
    replace(note, shipments > 0 && h("p", { class: "note warn" }, icon("warning"), h("span", {}, h("strong", {}, `${count(shipments)} ${shipments === 1 ? "shipment waits" : "shipments wait"} for ${dataset}. `), "A shipment gets its day and its vehicle from its log, so there are no figures before it is loaded. ", h("a", { href: href("data", [], { dataset: "shipments" }) }, "Show the shipments"))));
  };
  view.follow(show);
  show();
  return note;
}

export function build(view) {
  const shipments = view.status.unassigned_shipments;
  return h(
    "div",
    { class: "welcome" },
    waiting(view),
    h(
      "section",
      { class: "panel", "aria-labelledby": "first-file" },
      h("h2", { id: "first-file" }, shipments > 0 ? `Next: the ${datasetWords(view.status.awaited_dataset).toLowerCase()}` : "No figures yet: drop your first files"),
      h("p", { class: "muted" }, "Vehicles, their logs and their shipments, in any order, as JSON, NDJSON or CSV, also compressed. The name or the folder says which dataset a file belongs to. Any other file becomes a dataset of its own."),
      h(
        "ol",
        { class: "steps" },
        h("li", {}, h("h3", {}, "Put files in the raw folder"), h("pre", { class: "sample" }, SAMPLE)),
        h("li", {}, h("h3", {}, "Or upload them here"), h("p", { class: "muted" }, "The ", h("a", { href: href("pipeline") }, "Pipeline"), " page takes files by drag and drop and shows each load while it runs.")),
        h("li", {}, h("h3", {}, "Or import any other file"), h("p", { class: "muted" }, "The ", h("a", { href: href("import") }, "Import"), " page finds out the columns, types and key of a CSV or JSON file, and asks what only you can know.")),
        h("li", {}, h("h3", {}, "Or explore with sample data"), h("pre", { class: "sample" }, "make demo")),
      ),
      h("p", {}, h("a", { class: "button primary", href: href("pipeline") }, icon("upload"), "Open the pipeline")),
      h("p", { class: "muted" }, "Figures appear here as soon as shipments and their logs have been loaded."),
    ),
  );
}
