// One page shows the figures of one data version. Panels request their figures here; while answers of several versions
// arrive, as during a refresh or an outage, they wait until the page has one version for all of them.

import { ApiError, getFigures } from "./api.js";

const ROUNDS = 3;
/** Versions that are tried when no request is answered with the newest. */
const CANDIDATES = 4;
const MOST_KEPT = 150;

/** Earlier answers by version (null: none declared) and address, the latest used last: a page can go back to what it showed. */
const kept = new Map();
const keyOf = (version, address) => `${version} ${address}`;

function keep(address, answer) {
  const key = keyOf(answer.version, address);
  kept.delete(key);
  kept.set(key, answer);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}

/** Asks for figures; if the server has none now, the newest of those it sent before. */
export async function request(address, pinned = null) {
  try {
    const answer = await getFigures(address, pinned);
    keep(address, answer);
    return answer;
  } catch (error) {
    const found = error.isOfServer || error.status === 412 ? recall(address, pinned) : null;
    if (found) return { ...found, stale: true };
    throw error;
  }
}

function recall(address, version) {
  if (version !== null) return kept.get(keyOf(version, address)) ?? null;
  return [...kept].filter(([key]) => key.endsWith(` ${address}`)).map(([, answer]) => answer).sort((a, b) => a.version - b.version).at(-1) ?? null;
}

async function requestAll(addresses, pinned = null) {
  const answers = await Promise.all(addresses.map((address) => request(address, pinned)));
  return new Map(addresses.map((address, i) => [address, answers[i]]));
}

const versionsOf = (answers) => [...new Set([...answers.values()].map(({ version }) => version).filter((version) => version !== null))];
const isOf = (answers, version) => versionsOf(answers).every((found) => found === version);

/** The figures of one page. `changed()` is called whenever `version`, `staleSince` or `isPartial` may have changed. */
export class Figures {
  #members = new Set();
  #settling = null;
  #arrivals = 0;
  #changed;
  /** The data version of the figures shown; null before there are any. */
  version = null;
  /** When the figures shown were last known to be current, in milliseconds; null if they are current. */
  staleSince = null;
  /** Whether figures are missing because they are not available in the version shown. */
  isPartial = false;

  constructor(changed) {
    this.#changed = changed;
  }

  /** A member requests figures for one panel. `replace(data)` and `refuse(error)` are called when the page changes its version. */
  join({ replace, refuse }) {
    const member = { replace, refuse, addresses: [], answers: null, isMissing: false, isWaiting: false, fetching: null };
    this.#members.add(member);
    return {
      ask: (addresses) => this.#ask(member, addresses),
      leave: () => this.#members.delete(member),
    };
  }

  /** The figures at an address in the version that the page shows. */
  async get(address) {
    return (await getFigures(address, this.version)).data;
  }

  /** {address: data} as soon as it can be shown; null if a later request has taken the place of this one. Throws ApiError. */
  async #ask(member, addresses) {
    if (JSON.stringify(addresses) !== JSON.stringify(member.addresses)) member.answers = null;
    member.addresses = addresses;
    const mine = (member.fetching = requestAll(addresses));
    try {
      const answers = await mine;
      if (member.fetching !== mine) return null;
      member.answers = answers;
      member.isMissing = false;
      this.#arrivals += 1;
    } finally {
      if (member.fetching === mine) member.fetching = null;
    }
    member.isWaiting = true;
    await this.#settle();
    member.isWaiting = false;
    if (member.fetching) return null;
    if (member.isMissing) throw this.#missing();
    return dataOf(member.answers);
  }

  #missing() {
    const detail = `The page shows data version ${this.version}, and these figures are not available in that version at the moment.`;
    return new ApiError(412, { title: "Not available in this version", detail }, 15);
  }

  /** Returns once every figure found has the same version. */
  async #settle() {
    if (this.#isSettled()) return this.#report();
    this.#settling ??= this.#run().finally(() => (this.#settling = null));
    await this.#settling;
  }

  #found() {
    return [...this.#members].filter(({ answers }) => answers !== null);
  }

  /** Whether what has arrived so far fits what is shown, so that nobody has to wait for the rest. */
  #isSettled() {
    if (this.#settling) return false;
    const versions = [...new Set(this.#found().flatMap(({ answers }) => versionsOf(answers)))];
    if (versions.length > 1) return false;
    if (versions.length === 1) this.version = versions[0];
    return true;
  }

  async #run() {
    let seen;
    do {
      await this.#renewOlder();
      seen = this.#arrivals;
      const versions = this.#versions();
      const { version, answers } = versions.length > 1 ? await this.#choose(versions) : { version: versions[0] ?? this.version, answers: new Map() };
      if (seen === this.#arrivals) this.#show(version, answers);
    } while (seen !== this.#arrivals);
    this.#report();
  }

  /** Waits until no request is under way. */
  async #arrived() {
    for (;;) {
      const fetching = [...this.#members].map((member) => member.fetching).filter(Boolean);
      if (fetching.length === 0) return;
      await Promise.allSettled(fetching);
    }
  }

  /** The versions of all answers, the newest first. */
  #versions() {
    return [...new Set(this.#found().flatMap(({ answers }) => versionsOf(answers)))].sort((a, b) => b - a);
  }

  /** Requests older figures again. During an outage that would not help. */
  async #renewOlder() {
    for (let round = 0; round < ROUNDS; round += 1) {
      await this.#arrived();
      const [newest, ...older] = this.#versions();
      if (older.length === 0 || this.#found().some(({ answers }) => [...answers.values()].some(({ stale }) => stale))) return;
      await Promise.allSettled(
        this.#found().map(async (member) => {
          const { answers } = member;
          const renewed = await completed(answers, newest);
          if (member.answers === answers) member.answers = renewed;
        }),
      );
    }
    await this.#arrived();
  }

  /** The newest version that all figures have, or else the one that most have; and the answers of that version by member. */
  async #choose(versions) {
    const members = this.#found();
    let best = null;
    for (const version of versions.slice(0, CANDIDATES)) {
      const answers = new Map();
      await Promise.allSettled(members.map(async (member) => answers.set(member, await completed(member.answers, version, version))));
      if (best === null || answers.size > best.answers.size) best = { version, answers };
      if (answers.size === members.length) break;
    }
    return best;
  }

  /** Tells the members what the page shows; those that wait for it are told by `#ask`. */
  #show(version, answers) {
    this.version = version;
    for (const member of this.#found()) {
      member.answers = answers.get(member) ?? member.answers;
      const wasMissing = member.isMissing;
      member.isMissing = !isOf(member.answers, version);
      if (member.isWaiting) continue;
      if (!member.isMissing) member.replace(dataOf(member.answers));
      else if (!wasMissing) member.refuse(this.#missing());
    }
  }

  #report() {
    const members = this.#found();
    const shown = members.filter(({ isMissing }) => !isMissing).flatMap(({ answers }) => [...answers.values()]);
    const stale = shown.filter((answer) => answer.stale).map(({ at }) => at);
    this.isPartial = members.some(({ isMissing }) => isMissing);
    this.staleSince = stale.length ? Math.min(...stale) : this.isPartial ? Math.min(...shown.map(({ at }) => at)) : null;
    this.#changed();
  }
}

/** The answers, with those of other versions requested again. */
async function completed(answers, version, pinned = null) {
  const others = [...answers].filter(([, answer]) => answer.version !== null && answer.version !== version).map(([address]) => address);
  return others.length ? new Map([...answers, ...(await requestAll(others, pinned))]) : answers;
}

const dataOf = (answers) => Object.fromEntries([...answers].map(([address, { data }]) => [address, data]));
