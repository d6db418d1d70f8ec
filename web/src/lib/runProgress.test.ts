import { describe, expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import { NOTHING_YET, rowSeconds, rowsInOrder, take } from "./runProgress";

type RunEvent = Schemas["RunEvent"];
const T0 = Date.parse("2026-01-31T09:00:00Z");
let sequence = 0;
const event = (seconds: number, part: Partial<RunEvent>): RunEvent => ({
  sequence: String(++sequence),
  time: new Date(T0 + seconds * 1000).toISOString(),
  ...part,
});
const resource = (
  seconds: number,
  address: string,
  phase: Schemas["ResourceEvent"]["phase"],
  more: Partial<Schemas["ResourceEvent"]> = {},
) => event(seconds, { resource: { address, phase, action: "CREATE", id: "", ...more } });
const fresh = () => {
  sequence = 0;
  return NOTHING_YET;
};

describe("take", () => {
  it("follows a resource from the plan to its end", () => {
    let p = take(fresh(), [event(0, { plannedTotal: 2 }), resource(1, "a", "PLANNED"), resource(2, "a", "STARTED")]);
    expect(p.rows.get("a")).toMatchObject({ phase: "RUNNING", startedAt: T0 + 2000 });
    expect(rowSeconds(p.rows.get("a") as never, T0 + 5000)).toBe(3);
    p = take(p, [resource(12, "a", "RUNNING", { elapsed: "10s" })]);
    expect(p.rows.get("a")?.startedAt).toBe(T0 + 2000);
    p = take(p, [resource(14, "a", "DONE", { elapsed: "12s", id: "i-1" })]);
    expect(p.rows.get("a")).toMatchObject({ phase: "DONE", seconds: 12, id: "i-1" });
    expect(p).toMatchObject({ total: 2, done: 1, failed: 0 });
  });
  it("takes nothing twice, within a batch and over batches", () => {
    fresh();
    const events = [event(0, { plannedTotal: 1 }), resource(1, "a", "STARTED"), resource(2, "a", "DONE")];
    const once = take(NOTHING_YET, events);
    expect(take(once, events)).toBe(once);
    expect(take(NOTHING_YET, [...events, ...events])).toEqual(once);
    expect(take(take(NOTHING_YET, events.slice(0, 2)), events)).toEqual(once);
  });
  it("does not change what it was given", () => {
    const p = take(fresh(), [resource(1, "a", "STARTED")]);
    take(p, [resource(2, "a", "DONE"), event(3, { stepStarted: "save" })]);
    expect(p.rows.get("a")?.phase).toBe("RUNNING");
    expect(p.steps).toEqual([]);
  });
  it("counts reads as no work, and never more than all", () => {
    const p = take(fresh(), [
      event(0, { plannedTotal: 1 }),
      resource(1, "data.x", "DONE", { action: "READ" }),
      resource(2, "a", "DONE"),
      resource(3, "b", "ERRORED"),
    ]);
    expect(p).toMatchObject({ total: 2, done: 1, failed: 1 });
  });
  it("takes a resource that is destroyed and created for one row", () => {
    const p = take(fresh(), [
      resource(1, "a", "STARTED", { action: "DELETE" }),
      resource(4, "a", "DONE", { action: "DELETE" }),
      resource(5, "a", "STARTED", { action: "CREATE" }),
    ]);
    expect([...p.rows.values()]).toEqual([
      { address: "a", action: "CREATE", phase: "RUNNING", startedAt: T0 + 5000, id: "" },
    ]);
  });
  it("has steps with their durations, also of a step that comes twice", () => {
    const finished = { name: "prepare", startTime: new Date(T0).toISOString(), duration: "1.5s", failed: false };
    const p = take(fresh(), [
      event(0, { stepStarted: "prepare" }),
      event(2, { stepFinished: finished }),
      event(3, { stepStarted: "prepare" }),
    ]);
    expect(p.steps.map((s) => s.seconds)).toEqual([1.5, undefined]);
  });
  it("holds for lost what went on when another runner began", () => {
    const p = take(fresh(), [
      event(0, { plannedTotal: 2 }),
      resource(1, "a", "DONE"),
      resource(1, "b", "STARTED"),
      event(60, { notice: "taken over" }),
      event(61, { stepStarted: "prepare" }),
      event(62, { plannedTotal: 1 }),
    ]);
    expect(p.rows.get("b")?.phase).toBe("LOST");
    expect(p).toMatchObject({ total: 2, done: 1, notices: [{ text: "taken over" }] });
  });
});

describe("rowsInOrder", () => {
  const p = take(fresh(), [
    resource(0, "planned", "PLANNED"),
    resource(1, "done", "DONE"),
    resource(2, "busy", "STARTED"),
    resource(3, "bad", "ERRORED"),
  ]);
  it("shows first what needs an eye", () => {
    expect(rowsInOrder(p, false).map((r) => r.address)).toEqual(["bad", "busy", "planned", "done"]);
  });
  it("lets nothing go on after the end", () => {
    expect(rowsInOrder(p, true)[1]).toMatchObject({ address: "busy", phase: "LOST", startedAt: undefined });
  });
});
