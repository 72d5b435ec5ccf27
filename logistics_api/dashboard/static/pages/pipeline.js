// What arrives and what becomes of it: uploads, files with their balance, loads while they run, the quality of the data, rejects.

import { h } from "../dom.js";
import { proposalsPanel } from "./import/proposals.js";
import { followFile } from "./pipeline/file.js";
import { filesPanel } from "./pipeline/files.js";
import { qualityDetails, qualityPanel } from "./pipeline/quality.js";
import { kindsPanel, recordsPanel } from "./pipeline/rejects.js";
import { datasetsPanel, keyFigures, nowPanel } from "./pipeline/stats.js";
import { uploadPanel } from "./pipeline/uploads.js";

export const title = () => "Pipeline";
export const ranged = false;

export function build(view) {
  followFile(view);
  return h("div", { class: "grid" }, keyFigures(view), uploadPanel(view), proposalsPanel(view, { quiet: true }), datasetsPanel(view), nowPanel(view), qualityPanel(view), qualityDetails(view), filesPanel(view), kindsPanel(view), recordsPanel(view));
}
