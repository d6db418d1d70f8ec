import { describe, expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import {
  countdown,
  failedRun,
  faultsOf,
  inWords,
  hoursLeftToExtend,
  leaseView,
  possibleDeeds,
  runOfLock,
  runSeconds,
  shortOf,
} from "./stackState";

type Stack = Schemas["Stack"];
const stack = (fields: Partial<Stack>) =>
  ({ activeRun: "", resourceCount: 3, amounts: [{ metric: "stacks", value: "1" }], ...fields }) as Stack;
const deeds = (fields: Partial<Stack>, waits = false) => [...possibleDeeds(stack(fields), waits)].sort();

describe("possibleDeeds", () => {
  it("follows the state", () => {
    expect(deeds({ state: "READY" })).toEqual(["checkDrift", "destroy", "extend", "rollback", "update"]);
    expect(deeds({ state: "FAILED" })).toEqual(["checkDrift", "destroy", "extend", "retry", "rollback", "update"]);
    expect(deeds({ state: "PLANNING", activeRun: "r" })).toEqual(["cancelRun"]);
    expect(deeds({ state: "AWAITING_APPROVAL" })).toEqual(["destroy"]);
    expect(deeds({ state: "DESTROYED", resourceCount: 0 })).toEqual([]);
  });
  it("asks for one thing at a time", () => {
    expect(deeds({ state: "READY" }, true)).toEqual(["checkDrift", "destroy"]);
  });
  it("extends only what holds quota", () => {
    expect(deeds({ state: "FAILED", amounts: [] })).not.toContain("extend");
  });
  it("checks for drift only where something is, and once at a time", () => {
    expect(deeds({ state: "READY", resourceCount: 0 })).not.toContain("checkDrift");
    expect(deeds({ state: "READY", activeRun: "r" })).not.toContain("checkDrift");
  });
  it("repairs only what differs", () => {
    const change = { address: "a.b" } as Schemas["ResourceChange"];
    expect(deeds({ state: "READY", drift: { changes: [] } })).not.toContain("repairDrift");
    expect(deeds({ state: "READY", drift: { changes: [change] } })).toContain("repairDrift");
    expect(deeds({ state: "FAILED", drift: { changes: [change] } })).not.toContain("repairDrift");
  });
});

describe("lease", () => {
  const lease = {
    startTime: "2026-01-01T00:00:00Z",
    endTime: "2026-01-02T00:00:00Z",
    duration: "86400s",
    extended: false,
  };
  const at = (time: string) => leaseView(lease, Date.parse(time));
  it("counts down", () => {
    expect(at("2025-12-31T23:00:00Z")).toMatchObject({ phase: "booked", secondsLeft: 3600 });
    expect(at("2026-01-01T12:00:00Z")).toMatchObject({
      phase: "running",
      elapsed: 0.5,
      secondsLeft: 43200,
      low: false,
    });
    expect(at("2026-01-01T23:30:00Z")).toMatchObject({ phase: "running", low: true });
    expect(at("2026-01-02T00:00:00Z")).toMatchObject({ phase: "over", secondsLeft: 0 });
    expect(leaseView(undefined, 0).phase).toBe("none");
  });
  it("is never longer than the template allows", () => {
    expect(hoursLeftToExtend(lease, "604800s")).toBe(144);
    expect(hoursLeftToExtend(lease, "88200s")).toBe(0);
    expect(hoursLeftToExtend(lease, "3600s")).toBe(0);
    expect(hoursLeftToExtend(lease, undefined)).toBeUndefined();
  });
});

describe("what went wrong", () => {
  const said = (fields: Partial<Schemas["Diagnostic"]>): Schemas["Diagnostic"] => ({
    severity: "ERROR",
    summary: "s",
    detail: "",
    address: "",
    file: "",
    line: 0,
    ...fields,
  });
  it("goes by address, each fault once", () => {
    const faults = faultsOf([
      said({ file: "main.tf", line: 3 }),
      said({ address: "a.b" }),
      said({ address: "a.b" }),
      said({ severity: "WARNING", address: "c.d" }),
    ]);
    expect(faults.map((f) => f.address)).toEqual(["a.b", ""]);
    expect(faults[0]?.entries).toEqual([{ summary: "s", detail: "", where: "", times: 2 }]);
    expect(faults[1]?.entries[0]?.where).toBe("main.tf:3");
  });
  it("is of the newest run that changes something", () => {
    const run = (type: string, state: string) => ({ type, state }) as Schemas["Run"];
    expect(failedRun([run("REFRESH", "FAILED"), run("APPLY", "SUCCEEDED"), run("PLAN", "FAILED")])).toBeUndefined();
    expect(failedRun([run("PREVIEW", "SUCCEEDED"), run("PLAN", "FAILED")])?.type).toBe("PLAN");
    expect(failedRun(undefined)).toBeUndefined();
  });
  it("may be want of quota", () => {
    const error: Schemas["Status"] = {
      code: 8,
      message: "",
      details: [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo" },
        {
          "@type": "type.googleapis.com/google.rpc.QuotaFailure",
          violations: [{ subject: "vcpu", description: "2 short" }],
        },
      ],
    };
    expect(shortOf(error)).toEqual([{ subject: "vcpu", description: "2 short" }]);
    expect(shortOf(undefined)).toEqual([]);
  });
});

it("knows the lock of a run", () => {
  const lock = (lockId: string) => ({ lockId }) as Schemas["StateLock"];
  expect(runOfLock(lock("projects/p/stacks/s/runs/4"))).toBe("projects/p/stacks/s/runs/4");
  expect(runOfLock(lock("9f86d081"))).toBe("");
});

it("measures runs", () => {
  const run = { startTime: "2026-01-01T00:00:00Z" } as Schemas["Run"];
  expect(runSeconds(run, Date.parse("2026-01-01T00:00:05Z"))).toBe(5);
  expect(runSeconds({ ...run, endTime: "2026-01-01T00:00:02Z" }, 0)).toBe(2);
  expect(runSeconds({} as Schemas["Run"], 0)).toBeUndefined();
});

it("says names in words", () => {
  expect(inWords("projects/p/stacks/s/runs/3 is planned by vm-1")).toBe("run 3 is planned by vm-1");
  expect(inWords("waits for review of projects/p/changeRequests/12: 4h more")).toBe(
    "waits for review of request 12: 4h more",
  );
  expect(inWords("in use")).toBe("in use");
});

it("counts to the second", () => {
  expect(countdown(86_400 + 3 * 3600 + 12 * 60 + 45.9)).toBe("1 d 03:12:45");
  expect(countdown(59)).toBe("00:00:59");
  expect(countdown(-1)).toBe("00:00:00");
});
