import type { Problem, Schemas } from "~/api/client";
import { requestText } from "~/text/request";

import { byParameter, type Entry, nameOf } from "./parameters";
import { secondsOf, span } from "./time";

const text = requestText.fault;

// What is wrong with a form, by field: "stack_id", "lease.duration", "parameters.size", …
export type Faults = Record<string, string[]>;

export const isResourceId = (id: string) => /^[a-z][a-z0-9-]{0,38}[a-z0-9]$/.test(id);

const LABEL_KEY = /^[a-z0-9][a-z0-9._/-]{0,62}$/;
const bytes = (value: string) => new TextEncoder().encode(value).length;

export function labelFaults(entries: Entry[]): string[] {
  const used = entries.filter((e) => e.key !== "" || e.value !== "");
  const seen = new Set<string>();
  const faults = used.length > 64 ? [text.manyLabels] : [];
  for (const { key, value } of used) {
    if (!LABEL_KEY.test(key)) faults.push(text.labelKey(key));
    if (bytes(value) > 63) faults.push(text.labelValue(key));
    if (seen.has(key)) faults.push(text.labelTwice(key));
    seen.add(key);
  }
  return faults;
}
// What is wrong with a name for people, and with labels.
export function nameFaults(displayName: string, labels: Entry[]): Faults {
  const wrong = labelFaults(labels);
  return {
    ...(bytes(displayName.trim()) > 100 ? { display_name: [text.longName] } : {}),
    ...(wrong.length > 0 ? { labels: wrong } : {}),
  };
}
export const reasonFaults = (reason: string): Faults => (bytes(reason) > 1000 ? { reason: [text.reasonLong] } : {});

export const entriesOf = (map: Record<string, string> | undefined): Entry[] =>
  Object.entries(map ?? {}).map(([key, value]) => ({ key, value }));
export const mapOf = (entries: Entry[]): Record<string, string> =>
  Object.fromEntries(entries.filter((e) => e.key !== "").map((e) => [e.key, e.value]));

export type LeaseUnit = "minutes" | "hours" | "days";
export interface LeaseDraft {
  amount: string;
  unit: LeaseUnit;
  // As an input of type datetime-local has it; undefined: now.
  start: string | undefined;
}
const UNIT_SECONDS = { minutes: 60, hours: 3600, days: 86_400 };

export function leaseDraft(seconds: number): LeaseDraft {
  const whole = (unit: LeaseUnit) => seconds % UNIT_SECONDS[unit] === 0;
  // A day is better said in hours, and what is no whole of a unit in a smaller one: nothing is rounded.
  const unit = seconds >= 2 * 86_400 && whole("days") ? "days" : whole("hours") ? "hours" : "minutes";
  return { amount: String(seconds / UNIT_SECONDS[unit]), unit, start: undefined };
}
export const leaseSeconds = (lease: LeaseDraft): number => Math.round(Number(lease.amount) * UNIT_SECONDS[lease.unit]);

// When it would end, in milliseconds; undefined while that cannot be said.
export function leaseEnd(lease: LeaseDraft, now: number): number | undefined {
  const start = lease.start === undefined ? now : Date.parse(lease.start);
  const seconds = leaseSeconds(lease);
  return Number.isNaN(start) || !(seconds > 0) ? undefined : start + seconds * 1000;
}

const YEAR_MS = 365 * 86_400_000;
export function leaseFaults(lease: LeaseDraft, policy: Schemas["LeasePolicy"] | undefined, now = Date.now()): Faults {
  const faults: Faults = {};
  const seconds = leaseSeconds(lease);
  const most = secondsOf(policy?.maxDuration);
  if (lease.amount.trim() === "" || !(seconds > 0)) faults["lease.duration"] = [text.leaseMissing];
  else if (most > 0 && seconds > most) faults["lease.duration"] = [text.leaseLong(span(most))];
  if (lease.start !== undefined) {
    const start = Date.parse(lease.start);
    if (!(start > now && start <= now + YEAR_MS)) faults["lease.start_time"] = [text.start];
  }
  return faults;
}

// The lease as the API takes it. The default is left out: it is the template's to say.
export function leaseInput(lease: LeaseDraft, policy: Schemas["LeasePolicy"] | undefined): Schemas["Lease.Input"] {
  const seconds = leaseSeconds(lease);
  return {
    ...(seconds === secondsOf(policy?.defaultDuration) ? {} : { duration: `${seconds}s` }),
    ...(lease.start === undefined ? {} : { startTime: new Date(lease.start).toISOString() }),
  };
}

const FIELDS = [
  "stack_id",
  "display_name",
  "template_version",
  "labels",
  "reason",
  "lease.duration",
  "lease.start_time",
];

// The faults that a server named, by the form's fields; and whether it said more than they can show.
export function faultsOf(problem: Problem | undefined): { faults: Faults; all: boolean } {
  const faults: Faults = {};
  const parameters: { path: string; text: string }[] = [];
  const errors = problem?.errors ?? [];
  let all = errors.length > 0 && !problem?.quota?.length && !problem?.preconditions?.length;
  for (const { field, detail } of errors) {
    const path = field.replace(/^stack\./, "");
    const known = FIELDS.find((f) => path === f || path.startsWith(`${f}.`));
    if (path.startsWith("parameters.")) parameters.push({ path: path.slice("parameters.".length), text: detail });
    else if (known) (faults[known] ??= []).push(detail.charAt(0).toUpperCase() + detail.slice(1));
    else all = false;
  }
  for (const [name, texts] of Object.entries(byParameter(parameters))) faults[`parameters.${name}`] = texts;
  return { faults, all };
}

// The faults of the parameters alone, by their names.
export const parameterFaults = (faults: Faults): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(faults)
      .filter(([field]) => field.startsWith("parameters."))
      .map(([field, texts]) => [field.slice("parameters.".length), texts]),
  );

// What was complained about in a field is not said any longer once it is edited.
export function without(faults: Faults, field: string): Faults {
  if (!(field in faults)) return faults;
  return Object.fromEntries(Object.entries(faults).filter(([f]) => f !== field));
}

export const merged = (...all: Faults[]): Faults => Object.assign({}, ...all) as Faults;

export const asFaults = (faults: { path: string; text: string }[]): Faults =>
  Object.fromEntries(Object.entries(byParameter(faults)).map(([name, texts]) => [`parameters.${nameOf(name)}`, texts]));
