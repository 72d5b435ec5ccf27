// One page while it is open: its arguments, its parameters, the range; and the callbacks to run when one of them changes.

import * as router from "./router.js";
import { Figures } from "./figures.js";
import { nameOf, previous, problem, resolve } from "./ranges.js";

export class View {
  #followers = new Set();
  #renewals = new Set();
  #endings = new Set();
  #asked = null;
  #days = null;

  /**
   * What the page tells the shell: `figuresChanged()`, that the version of the figures shown, or how current they are, may
   * have changed; `reload()`, that the status has; `foundNothing()`, that its range, if it is the default, holds no shipments; `titleChanged()`; `reopen()`, that it has to be built anew.
   */
  constructor(place, status, { figuresChanged, reload, foundNothing, titleChanged, reopen }) {
    this.figures = new Figures(figuresChanged);
    this.reload = reload;
    this.foundNothing = foundNothing;
    this.titleChanged = titleChanged;
    this.reopen = reopen;
    this.arguments = place.arguments;
    this.#read(place, status);
  }

  #read(place, status) {
    this.parameters = place.parameters;
    this.status = status;
    /** {first_day, last_day} of the data version shown: days outside of them are not known */
    this.known = status;
    /** {name, start, end}, or null if there is no data yet */
    const { first, last, newest } = this.#days ?? { first: status.first_day, last: status.last_day, newest: status.newest_day };
    this.range = problem(place.parameters) ? null : resolve(nameOf(place.parameters), first, last, newest);
    /** Whether the reader wants an earlier range shown, and whether it has to begin on the same weekday; {start, end} of it */
    this.compare = ["1", "weekday"].includes(place.parameters.get("compare"));
    this.sameWeekdays = place.parameters.get("compare") === "weekday";
    this.previous = this.range && previous(this.range, this.sameWeekdays);
  }

  /** The value of a parameter of the address, or `otherwise`. */
  get(name, otherwise = null) {
    this.#asked?.add(name);
    return this.parameters.get(name) ?? otherwise;
  }

  /** Changes parameters; the address, and with it every follower, changes along. */
  set(changes, options) {
    router.change(changes, options);
  }

  /** Calls `work` and gives its `result`, and `isOld()`: whether the view has changed since. */
  watch(work) {
    const asked = (this.#asked = new Set());
    const snapshot = () => {
      const { first_day: first, last_day: last } = this.known;
      return JSON.stringify([this.range, this.compare, this.sameWeekdays, first, last, [...asked].map((name) => this.parameters.get(name))]);
    };
    try {
      const result = work();
      const before = snapshot();
      return { result, isOld: () => snapshot() !== before };
    } finally {
      this.#asked = null;
    }
  }

  /** {start, end} for requests. */
  days() {
    return { start: this.range.start, end: this.range.end };
  }

  /** Calls `follower()` after each change of address or status, until the page is left. */
  follow(follower) {
    this.#followers.add(follower);
  }

  /** Calls `renewal()` when there are newer figures. */
  atNews(renewal) {
    this.#renewals.add(renewal);
  }

  /** Calls `ending()` when the page is left. */
  atEnd(ending) {
    this.#endings.add(ending);
  }

  moved(place, status) {
    this.#read(place, status);
    this.#followers.forEach((follower) => follower());
  }

  /** Ranges by name count back from the newest of {first, last, newest}; null: from that of the built-in datasets. */
  countFrom(days) {
    const { known } = this;
    this.#days = days;
    this.#read({ parameters: this.parameters }, this.status);
    this.known = known;
    this.#followers.forEach((follower) => follower());
  }

  /** Notes the first and the last day of the data version shown, where it is not that of the status. */
  know(known) {
    this.known = known;
    this.#followers.forEach((follower) => follower());
  }

  renew() {
    this.#renewals.forEach((renewal) => renewal());
  }

  end() {
    this.#endings.forEach((ending) => ending());
    this.#followers.clear();
    this.#renewals.clear();
  }
}
