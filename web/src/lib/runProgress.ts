import type { Schemas } from "~/api/client";

import { secondsOf } from "./time";

type RunEvent = Schemas["RunEvent"];
export type Phase = "PLANNED" | "RUNNING" | "DONE" | "ERRORED" | "LOST";

// What a run does to one resource.
export interface ResourceRow {
  address: string;
  action: Schemas["ResourceChange"]["action"];
  phase: Phase;
  // Milliseconds since the epoch, while it goes on.
  startedAt?: number;
  // How long it took.
  seconds?: number;
  id: string;
}
export interface Step {
  name: string;
  startedAt: number;
  seconds?: number;
  failed: boolean;
}
export interface RunProgress {
  // Sequence of the newest event taken: what is not newer is known.
  last: number;
  rows: ReadonlyMap<string, ResourceRow>;
  total: number;
  done: number;
  failed: number;
  steps: Step[];
  diagnostics: Schemas["Diagnostic"][];
  notices: { sequence: number; time?: string; text: string }[];
}

export const NOTHING_YET: RunProgress = {
  last: 0,
  rows: new Map(),
  total: 0,
  done: 0,
  failed: 0,
  steps: [],
  diagnostics: [],
  notices: [],
};

// What is known after some more events, which come in order; those seen before change nothing.
export function take(before: RunProgress, events: RunEvent[]): RunProgress {
  const news = events.filter((e) => Number(e.sequence) > before.last);
  if (news.length === 0) return before;
  const now = {
    ...before,
    rows: new Map(before.rows),
    steps: [...before.steps],
    diagnostics: [...before.diagnostics],
    notices: [...before.notices],
  };
  for (const event of news) {
    const sequence = Number(event.sequence);
    if (sequence <= now.last) continue;
    now.last = sequence;
    const at = event.time ? Date.parse(event.time) : 0;
    if (event.stepStarted) {
      // Only a runner that takes over begins anew while something goes on.
      for (const row of now.rows.values()) if (row.phase === "RUNNING") now.rows.set(row.address, lost(row));
      now.steps.push({ name: event.stepStarted, startedAt: at, failed: false });
    } else if (event.stepFinished) {
      finishStep(now.steps, event.stepFinished);
    } else if (event.resource) {
      takeResource(now, event.resource, at);
    } else if (event.diagnostic) {
      now.diagnostics.push(event.diagnostic);
    } else if (event.notice) {
      now.notices.push({ sequence, time: event.time, text: event.notice });
    } else if (event.plannedTotal !== undefined) {
      // What is planned after a takeover comes on top of what was done before it.
      now.total = now.done + event.plannedTotal;
    }
  }
  return now;
}

const lost = (row: ResourceRow): ResourceRow => ({ ...row, phase: "LOST", startedAt: undefined });

function finishStep(steps: Step[], step: Schemas["RunStep"]) {
  const found = steps.findIndex((s) => s.name === step.name && s.seconds === undefined);
  const finished = {
    name: step.name,
    startedAt: step.startTime ? Date.parse(step.startTime) : (steps[found]?.startedAt ?? 0),
    seconds: secondsOf(step.duration),
    failed: step.failed,
  };
  if (found >= 0) steps[found] = finished;
  else steps.push(finished);
}

function takeResource(
  now: { rows: Map<string, ResourceRow>; total: number; done: number; failed: number },
  event: Schemas["ResourceEvent"],
  at: number,
) {
  const known = now.rows.get(event.address);
  const elapsed = event.elapsed === undefined ? undefined : secondsOf(event.elapsed);
  const row = { address: event.address, action: event.action, id: event.id || known?.id || "" };
  switch (event.phase) {
    case "PLANNED":
      now.rows.set(event.address, { ...row, phase: "PLANNED" });
      return;
    case "STARTED":
    case "RUNNING": {
      const startedAt = known?.phase === "RUNNING" && known.action === event.action ? known.startedAt : undefined;
      now.rows.set(event.address, { ...row, phase: "RUNNING", startedAt: startedAt ?? at - (elapsed ?? 0) * 1000 });
      return;
    }
    case "DONE":
    case "ERRORED": {
      const seconds = elapsed ?? (known?.startedAt !== undefined ? (at - known.startedAt) / 1000 : undefined);
      now.rows.set(event.address, { ...row, phase: event.phase, seconds });
      if (event.action === "READ") return;
      if (event.phase === "DONE") now.done++;
      else now.failed++;
      now.total = Math.max(now.total, now.done + now.failed);
    }
  }
}

const ORDER: Phase[] = ["ERRORED", "RUNNING", "LOST", "PLANNED", "DONE"];

// What needs an eye first; within a phase as they came. Once the run has ended, nothing goes on.
export function rowsInOrder(progress: RunProgress, ended: boolean): ResourceRow[] {
  const rows = [...progress.rows.values()].map((row) => (ended && row.phase === "RUNNING" ? lost(row) : row));
  return rows.sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase));
}

export function countPhases(rows: ResourceRow[]): Record<Phase, number> {
  const counts = { PLANNED: 0, RUNNING: 0, DONE: 0, ERRORED: 0, LOST: 0 };
  for (const row of rows) counts[row.phase]++;
  return counts;
}

export const rowSeconds = (row: ResourceRow, now: number): number | undefined =>
  row.seconds ?? (row.startedAt !== undefined ? Math.max(0, (now - row.startedAt) / 1000) : undefined);
