import type { Schemas } from "~/api/client";

type Usage = Schemas["Usage"];
type Point = Schemas["UsagePoint"];

// How full a metric is, as bars show it: parts of the whole in percent.
export interface Fill {
  committed: number;
  pending: number;
  // More than there is; the bar is full then.
  over: boolean;
  free: number;
}
export function fillOf(usage: Pick<Usage, "limit" | "committed" | "pending">): Fill {
  const limit = Number(usage.limit);
  const committed = Number(usage.committed);
  const pending = Number(usage.pending);
  const used = committed + pending;
  const whole = Math.max(limit, used, 1);
  return {
    committed: (committed / whole) * 100,
    pending: (pending / whole) * 100,
    over: used > limit,
    free: Math.max(0, limit - used),
  };
}

// The fullest metric first; of equals, by name.
export function byFullness<T extends Pick<Usage, "limit" | "committed" | "pending" | "metric">>(usage: T[]): T[] {
  const share = (u: T) => {
    const used = Number(u.committed) + Number(u.pending);
    return used === 0 ? 0 : used / Math.max(Number(u.limit), 0.5);
  };
  return [...usage].sort((a, b) => share(b) - share(a) || a.metric.localeCompare(b.metric));
}

export interface Step {
  // Milliseconds since the epoch.
  at: number;
  used: number;
  limit: number;
}

// The steps of a series until `end`, which repeats the last one: so that its line goes on to there.
export function stepsOf(points: Point[], end: number): Step[] {
  const steps = points.map((p) => ({ at: Date.parse(p.time ?? ""), used: Number(p.used), limit: Number(p.limit) }));
  const final = steps.at(-1);
  return final && final.at < end ? [...steps, { ...final, at: end }] : steps;
}

// What begins or ends at a step, and by how much.
export interface Cause {
  name: string;
  kind: "begins" | "ends" | "granted" | "grantEnds";
  amount: number;
}
interface Window {
  name: string;
  startTime?: string;
  endTime?: string;
}
const amountOf = (amounts: Schemas["Amount"][], metric: string) =>
  amounts.filter((a) => a.metric === metric).reduce((sum, a) => sum + Number(a.value), 0);

// Servers tell times to the microsecond, some clocks to less.
const SAME_MS = 1;

export function causesOf(
  at: number,
  metric: string,
  reservations: Schemas["Reservation"][],
  grants: Schemas["QuotaGrant"][],
): Cause[] {
  const is = (time: string | undefined) => time !== undefined && Math.abs(Date.parse(time) - at) <= SAME_MS;
  const edges = (w: Window, name: string, amount: number, kinds: [Cause["kind"], Cause["kind"]]): Cause[] => {
    if (amount === 0) return [];
    if (is(w.startTime)) return [{ name, kind: kinds[0], amount }];
    if (is(w.endTime)) return [{ name, kind: kinds[1], amount }];
    return [];
  };
  return [
    ...reservations
      .filter((r) => r.state !== "RELEASED")
      .flatMap((r) => edges(r, r.holder || r.name, amountOf(r.amounts, metric), ["begins", "ends"])),
    ...grants.flatMap((g) => edges(g, g.name, g.amount ? amountOf([g.amount], metric) : 0, ["granted", "grantEnds"])),
  ];
}

// A unit to say after a number: none where the title says it already, "Stacks: 2 of 5".
export const unitBeside = (title: string, unit: string) =>
  title.toLowerCase().includes(unit.toLowerCase()) ? "" : unit;
