import { describe, expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import { byFullness, causesOf, fillOf, stepsOf, unitBeside } from "./usage";

const usage = (metric: string, committed: number, pending: number, limit: number) => ({
  metric,
  committed: String(committed),
  pending: String(pending),
  limit: String(limit),
});

describe("fillOf", () => {
  it("is parts of the limit", () => {
    expect(fillOf(usage("a", 5, 1, 20))).toEqual({ committed: 25, pending: 5, over: false, free: 14 });
  });
  it("is full where more is held than allowed", () => {
    expect(fillOf(usage("a", 30, 10, 20))).toEqual({ committed: 75, pending: 25, over: true, free: 0 });
  });
  it("takes a limit of nothing", () => {
    expect(fillOf(usage("a", 0, 0, 0))).toEqual({ committed: 0, pending: 0, over: false, free: 0 });
    expect(fillOf(usage("a", 1, 0, 0)).over).toBe(true);
  });
});

it("sorts the fullest first", () => {
  const all = [usage("b", 0, 0, 5), usage("c", 1, 0, 2), usage("d", 3, 0, 0), usage("a", 0, 0, 0)];
  expect(byFullness(all).map((u) => u.metric)).toEqual(["d", "c", "a", "b"]);
});

describe("stepsOf", () => {
  const points = [
    { time: "2026-11-26T00:00:00Z", used: "4", limit: "8" },
    { time: "2026-11-28T00:00:00Z", used: "2", limit: "8" },
  ];
  it("goes on to the end", () => {
    const end = Date.parse("2026-12-01T00:00:00Z");
    expect(stepsOf(points, end).map((s) => [s.at, s.used])).toEqual([
      [Date.parse("2026-11-26T00:00:00Z"), 4],
      [Date.parse("2026-11-28T00:00:00Z"), 2],
      [end, 2],
    ]);
  });
  it("has nothing of nothing", () => {
    expect(stepsOf([], 0)).toEqual([]);
  });
});

describe("causesOf", () => {
  const at = Date.parse("2026-11-28T00:00:00Z");
  const reservation = {
    name: "projects/p/quota/reservations/r",
    holder: "projects/p/stacks/s",
    state: "COMMITTED",
    amounts: [{ metric: "vcpu", value: "4" }],
    startTime: "2026-11-20T00:00:00Z",
    endTime: "2026-11-28T00:00:00.0004Z",
  } as Schemas["Reservation"];
  const grant = {
    name: "projects/p/quota/grants/g",
    amount: { metric: "vcpu", value: "12" },
    startTime: "2026-11-28T00:00:00Z",
    endTime: "2026-11-30T00:00:00Z",
  } as Schemas["QuotaGrant"];
  it("names what begins and ends", () => {
    expect(causesOf(at, "vcpu", [reservation], [grant])).toEqual([
      { name: "projects/p/stacks/s", kind: "ends", amount: 4 },
      { name: "projects/p/quota/grants/g", kind: "granted", amount: 12 },
    ]);
  });
  it("leaves out other metrics, other times and what was released", () => {
    expect(causesOf(at, "nodes", [reservation], [grant])).toEqual([]);
    expect(causesOf(at + 1000, "vcpu", [reservation], [grant])).toEqual([]);
    expect(causesOf(at, "vcpu", [{ ...reservation, state: "RELEASED" }], [])).toEqual([]);
  });
});

it("does not say a unit twice", () => {
  expect(unitBeside("Cluster nodes", "node")).toBe("");
  expect(unitBeside("Volumes", "GiB")).toBe("GiB");
});
