// The icons: own drawings on a 24 × 24 grid, strokes only, coloured by the text around them.

import { s } from "./dom.js";

const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  routes: "M6 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM18 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8.5 17.5H15a3 3 0 0 0 0-6H9a3 3 0 0 1 0-6h6.5",
  vehicles: "M3 16V7h10v9M13 10h4l4 4v2h-2M3 16h2m4 0h6M7 18.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 18.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  costs: "M12 3v18M16.5 7.5C16 6 14.500 5 12 5 9.500 5 7.500 6.200 7.500 8.300c0 4.700 9.500 2.400 9.500 7.200C17 17.700 15 19 12 19c-2.800 0-4.500-1.200-5-3",
  explore: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  forecasts: "M3 17l5-5 3 3 3-4M14 11l6-6M14 11l7-1M14 11l6 4M3 21h18",
  models: "M9 4a3 3 0 0 0-3 3 3 3 0 0 0-2 5 3 3 0 0 0 2 5 3 3 0 0 0 6 1V5a3 3 0 0 0-3-1zM15 4a3 3 0 0 1 3 3 3 3 0 0 1 2 5 3 3 0 0 1-2 5 3 3 0 0 1-6 1M12 12h3M9 9h3",
  boards: "M4 5h16v14H4zM4 10h16M11 10v9",
  add: "M12 5v14M5 12h14",
  pipeline: "M4 6h5v5H4zM15 13h5v5h-5zM9 8.500h4a2 2 0 0 1 2 2V13",
  bell: "M6 16.500h12l-1.500-2.500v-4a4.500 4.500 0 0 0-9 0v4zM10 19.500a2 2 0 0 0 4 0",
  cloud: "M7 18a4 4 0 0 1-.600-7.950A5.500 5.500 0 0 1 17 9.500a4.250 4.250 0 0 1 0 8.500zM12 11v6M9.500 14.500L12 17l2.500-2.500",
  data: "M12 9c4.400 0 8-1.300 8-3s-3.600-3-8-3-8 1.300-8 3 3.600 3 8 3zM4 6v12c0 1.700 3.600 3 8 3s8-1.300 8-3V6M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM20 20l-4.800-4.800",
  more: "M12 6.010V6M12 12.010V12M12 18.010V18",
  down: "M6 9l6 6 6-6",
  arrowdown: "M12 5v14M6 13l6 6 6-6",
  up: "M12 19V5M6 11l6-6 6 6",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400",
  moon: "M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  upload: "M12 16V5M7 9l5-5 5 5M5 20h14",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9.010V9",
  warning: "M12 4l9 16H3zM12 10v4M12 17.010V17",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5l1 2h4l1-2h5",
  check: "M5 13l4 4L19 7",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4l3 2",
  refresh: "M20 12a8 8 0 1 1-2.300-5.700L20 8.500M20 4v4.500h-4.500",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
};

/** The icon of that name; decorative, so the element around it needs a text of its own. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
}
