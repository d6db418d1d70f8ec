import { termsOf } from "./filterTerms";

// Quick filters over stacks: parts of an AIP-160 filter, joined by AND.
export const BUSY_STATES = ["PENDING", "PLANNING", "APPLYING", "DESTROYING"];

export const FAILING = "state = FAILED";
export const WAITING = "state = AWAITING_APPROVAL";
export const READY = "state = READY";
export const UNDER_WAY = `(${BUSY_STATES.map((s) => `state = ${s}`).join(" OR ")})`;
export const mine = (user: string) => `creator = "${user}"`;

const ENDING = /^lease\.end_?time < "([^"]+)"$/i;
const TEN_MINUTES = 600_000;
export const DAY_MS = 86_400_000;

// Before a day from now; in steps, so that the same list keeps its address for a while.
export const ending = (now = Date.now()) =>
  `lease.end_time < "${new Date(Math.ceil((now + DAY_MS) / TEN_MINUTES) * TEN_MINUTES).toISOString()}"`;

const sameKind = (a: string, b: string) => a === b || (ENDING.test(a) && ENDING.test(b));

export const hasPart = (filter: string | undefined, part: string) =>
  termsOf(filter ?? "").some((p) => sameKind(p, part));

// The filter with a part, or without it where it has it; undefined when nothing is left. States
// exclude each other: one takes the place of another.
export function toggled(filter: string | undefined, part: string): string | undefined {
  const parts = termsOf(filter ?? "");
  const rest = parts.filter((p) => !sameKind(p, part));
  if (rest.length < parts.length) return rest.join(" AND ") || undefined;
  const states = [FAILING, WAITING, READY, UNDER_WAY];
  const kept = states.includes(part) ? rest.filter((p) => !states.includes(p)) : rest;
  return [...kept, part].join(" AND ");
}
