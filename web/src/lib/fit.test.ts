import { describe, expect, it } from "vitest";

import { barOf, fitRows } from "./fit";

const usage = (metric: string, limit: number, committed: number, pending = 0, user = "") => ({
  metric,
  unit: metric,
  limit: String(limit),
  committed: String(committed),
  pending: String(pending),
  overCommitted: false,
  user,
});
const shortfall = (metric: string, requested: number, used: number, limit: number) => ({
  metric,
  level: "project",
  requested: String(requested),
  used: String(used),
  limit: String(limit),
});

describe("fitRows", () => {
  it("puts what a plan takes beside what others hold", () => {
    const rows = fitRows(
      [{ metric: "vcpu", value: "4" }],
      [usage("vcpu", 99, 50, 0, "ann"), usage("vcpu", 32, 10, 2), usage("disks", 5, 5)],
      [],
      [{ metric: "vcpu", value: "3" }],
    );
    expect(rows).toEqual([{ metric: "vcpu", unit: "vcpu", used: 9, wanted: 4, limit: 32 }]);
  });

  it("puts what is short first, as it is at the tightest instant", () => {
    const rows = fitRows(
      [
        { metric: "disks", value: "1" },
        { metric: "vcpu", value: "4" },
      ],
      undefined,
      [shortfall("vcpu", 4, 30, 32)],
    );
    expect(rows.map((r) => [r.metric, r.used, r.limit])).toEqual([
      ["vcpu", 30, 32],
      ["disks", 0, undefined],
    ]);
  });

  it("shows both limits where both are short", () => {
    const both = [shortfall("vcpu", 4, 30, 32), { ...shortfall("vcpu", 4, 3, 4), level: "user" }];
    expect(fitRows([{ metric: "vcpu", value: "4" }], [], both)).toHaveLength(2);
  });
});

describe("barOf", () => {
  const row = (used: number, wanted: number, limit?: number) => ({ metric: "m", unit: "", used, wanted, limit });
  it("is never wider than it is", () => {
    expect(barOf(row(50, 25, 100))).toEqual({ used: 50, wanted: 25 });
    expect(barOf(row(3, 1, 2))).toEqual({ used: 75, wanted: 25 });
    expect(barOf(row(0, 0, 0))).toEqual({ used: 0, wanted: 0 });
    expect(barOf(row(0, 5))).toEqual({ used: 0, wanted: 100 });
  });
});
