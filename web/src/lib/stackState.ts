import type { Schemas } from "~/api/client";
import { last, part } from "~/lib/names";
import { secondsOf } from "~/lib/time";

type Stack = Schemas["Stack"];
export type Deed = "update" | "retry" | "rollback" | "checkDrift" | "repairDrift" | "destroy" | "cancelRun" | "extend";

const SETTLED = new Set(["READY", "FAILED"]);
const GONE = new Set(["REJECTED", "DESTROYED"]);

export const isSettled = (stack: Stack) => SETTLED.has(stack.state);
export const isGone = (stack: Stack) => GONE.has(stack.state);

// What the state of a stack allows; the server decides all the same. While a request of it waits for
// review nothing else can be asked for.
export function possibleDeeds(stack: Stack, waits: boolean): Set<Deed> {
  const deeds = new Set<Deed>();
  const settled = isSettled(stack);
  const free = settled && !waits;
  if (free) deeds.add("update").add("rollback");
  if (free && stack.amounts.length > 0) deeds.add("extend");
  if (free && stack.state === "FAILED") deeds.add("retry");
  if (settled && !stack.activeRun && stack.resourceCount > 0) deeds.add("checkDrift");
  if (free && stack.state === "READY" && (stack.drift?.changes.length ?? 0) > 0) deeds.add("repairDrift");
  if (settled || stack.state === "AWAITING_APPROVAL") deeds.add("destroy");
  if (stack.activeRun) deeds.add("cancelRun");
  return deeds;
}

export interface LeaseView {
  phase: "none" | "booked" | "running" | "over";
  // Of the lease, 0 to 1.
  elapsed: number;
  // Until it begins or ends.
  secondsLeft: number;
  // Short of its end, by a tenth or by an hour.
  low: boolean;
}

const LOW_SECONDS = 3600;

export function leaseView(lease: Stack["lease"], now: number): LeaseView {
  if (!lease?.startTime || !lease.endTime) return { phase: "none", elapsed: 0, secondsLeft: 0, low: false };
  const start = Date.parse(lease.startTime);
  const end = Date.parse(lease.endTime);
  if (now < start) return { phase: "booked", elapsed: 0, secondsLeft: (start - now) / 1000, low: false };
  if (now >= end) return { phase: "over", elapsed: 1, secondsLeft: 0, low: true };
  const elapsed = (now - start) / (end - start);
  const secondsLeft = (end - now) / 1000;
  return { phase: "running", elapsed, secondsLeft, low: elapsed > 0.9 || secondsLeft < LOW_SECONDS };
}

// What is left to the second, in parts that keep their width: "1 d 03:12:45".
export function countdown(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const days = Math.floor(left / 86_400);
  const clock = [Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60].map(two).join(":");
  return days > 0 ? `${days} d ${clock}` : clock;
}

// Whole hours that a lease can still be made longer by: never past the template's maximum.
export function hoursLeftToExtend(lease: Stack["lease"], maxDuration: string | undefined): number | undefined {
  if (!lease?.startTime || !lease.endTime || !maxDuration) return undefined;
  const length = (Date.parse(lease.endTime) - Date.parse(lease.startTime)) / 1000;
  return Math.max(0, Math.floor((secondsOf(maxDuration) - length) / 3600));
}

// The request that a stack waits for, if it is still open.
export const waitsFor = (request: Schemas["ChangeRequest"] | undefined) =>
  request?.state === "PENDING" ? request : undefined;

// The run that ended a change badly: the newest that changes or plans, if it did not succeed.
export function failedRun(runs: readonly Schemas["Run"][] | undefined): Schemas["Run"] | undefined {
  const newest = runs?.find((r) => r.type !== "PREVIEW" && r.type !== "REFRESH");
  return newest?.state === "FAILED" || newest?.state === "CANCELLED" ? newest : undefined;
}

export interface Fault {
  address: string;
  // What was said of it, each once.
  entries: { summary: string; detail: string; where: string; times: number }[];
}

// Errors by the resource that they are about; those about none come last.
export function faultsOf(diagnostics: readonly Schemas["Diagnostic"][]): Fault[] {
  const faults = new Map<string, Fault>();
  for (const d of diagnostics) {
    if (d.severity !== "ERROR") continue;
    const fault = faults.get(d.address) ?? { address: d.address, entries: [] };
    faults.set(d.address, fault);
    const where = d.file && (d.line ? `${d.file}:${d.line}` : d.file);
    const same = fault.entries.find((e) => e.summary === d.summary && e.detail === d.detail && e.where === where);
    if (same) same.times++;
    else fault.entries.push({ summary: d.summary, detail: d.detail, where, times: 1 });
  }
  return [...faults.values()].sort((a, b) => Number(a.address === "") - Number(b.address === ""));
}

// Metrics for which there was not enough, as an error tells them.
export function shortOf(error: Schemas["Status"] | undefined): { subject: string; description: string }[] {
  const found: { subject: string; description: string }[] = [];
  for (const detail of error?.details ?? []) {
    if (!detail["@type"]?.endsWith("google.rpc.QuotaFailure") || !Array.isArray(detail.violations)) continue;
    for (const v of detail.violations as unknown[]) {
      if (typeof v !== "object" || v === null) continue;
      const { subject, description } = v as Record<string, unknown>;
      found.push({ subject: String(subject ?? ""), description: String(description ?? "") });
    }
  }
  return found;
}

// The lock of a run is given back by cancelling the run, not by force.
export const runOfLock = (lock: Schemas["StateLock"]) => (part(lock.lockId, "runs") ? lock.lockId : "");

// How long a run took, or takes so far, in seconds; undefined before a runner had it.
export function runSeconds(run: Schemas["Run"], now: number): number | undefined {
  if (!run.startTime) return undefined;
  return ((run.endTime ? Date.parse(run.endTime) : now) - Date.parse(run.startTime)) / 1000;
}

export const versionLabel = (templateVersion: string) =>
  `${part(templateVersion, "templates")} ${last(templateVersion)}`;

// Names of runs and requests in a message as people say them: the page tells which stack it is about.
export const inWords = (message: string) =>
  message
    .replace(/\bprojects\/[^/\s]+\/stacks\/[^/\s]+\/runs\/(\d+)/g, "run $1")
    .replace(/\bprojects\/[^/\s]+\/changeRequests\/(\d+)/g, "request $1");
