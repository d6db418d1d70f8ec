import type { Schemas } from "~/api/client";

// One metric of a plan against its limit.
export interface FitRow {
  metric: string;
  unit: string;
  // By all others, or at the tightest instant where it is short.
  used: number;
  wanted: number;
  // Undefined where the user may not see it.
  limit: number | undefined;
  short?: Schemas["Shortfall"];
}

// What a plan would take, beside what others hold and the limit. `held` is what the stack holds
// already: that is its own and no other's.
export function fitRows(
  amounts: Schemas["Amount"][],
  usage: Schemas["Usage"][] | undefined,
  shortfalls: Schemas["Shortfall"][],
  held: Schemas["Amount"][] = [],
): FitRow[] {
  const amount = (list: Schemas["Amount"][], metric: string) =>
    Number(list.find((a) => a.metric === metric)?.value ?? 0);
  const rows = amounts.map(({ metric, value }): FitRow => {
    const now = usage?.find((u) => u.metric === metric && u.user === "");
    const used = now ? Number(now.committed) + Number(now.pending) - amount(held, metric) : 0;
    return {
      metric,
      unit: now?.unit ?? "",
      used: Math.max(0, used),
      wanted: Number(value),
      limit: now && Number(now.limit),
    };
  });
  const plain = rows.filter((r) => !shortfalls.some((s) => s.metric === r.metric));
  const short = shortfalls.map((s): FitRow => ({
    metric: s.metric,
    unit: usage?.find((u) => u.metric === s.metric)?.unit ?? "",
    used: Number(s.used),
    wanted: Number(s.requested),
    limit: Number(s.limit),
    short: s,
  }));
  return [...short, ...plain];
}

// Widths of the two parts of a bar, in percent: it is full at the limit, or at all that is asked
// for where that is more.
export function barOf(row: FitRow): { used: number; wanted: number } {
  const whole = Math.max(row.limit ?? 0, row.used + row.wanted, 1);
  return { used: (100 * row.used) / whole, wanted: (100 * row.wanted) / whole };
}
