import { describe, expect, it } from "vitest";

import type { Problem } from "~/api/client";

import {
  faultsOf,
  isResourceId,
  labelFaults,
  leaseDraft,
  leaseEnd,
  leaseFaults,
  leaseInput,
  leaseSeconds,
  mapOf,
  without,
} from "./stackForm";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const POLICY = { defaultDuration: "86400s", maxDuration: "604800s", warnings: [] };

describe("isResourceId", () => {
  // The cases of the server's own test (common/resource_name_test.cc).
  it("is the server's rule", () => {
    for (const id of ["ab", "web-1", "a1234567890123456789012345678901234567-9"]) expect(isResourceId(id)).toBe(true);
    for (const id of ["", "a", "1ab", "-ab", "ab-", "aB", "a_b", "a/b", "a12345678901234567890123456789012345678901"]) {
      expect(isResourceId(id)).toBe(false);
    }
  });
});

describe("labels", () => {
  const faults = (...entries: [string, string][]) => labelFaults(entries.map(([key, value]) => ({ key, value })));
  it("have keys and values that the server takes", () => {
    expect(faults(["team", "web"], ["a.b/c-d_e", "x".repeat(63)], ["", ""])).toEqual([]);
    expect(faults(["Team", "web"])).toHaveLength(1);
    expect(faults(["", "web"])).toHaveLength(1);
    expect(faults(["team", "ä".repeat(32)])).toHaveLength(1);
    expect(faults(["team", "a"], ["team", "b"])).toHaveLength(1);
    expect(labelFaults(Array.from({ length: 65 }, (_, i) => ({ key: `k${i}`, value: "" })))).toHaveLength(1);
  });
  it("leave empty rows out", () => {
    expect(
      mapOf([
        { key: "", value: "" },
        { key: "a", value: "" },
      ]),
    ).toEqual({ a: "" });
  });
});

describe("leases", () => {
  it("are shown in whole days where they are, else in hours", () => {
    expect(leaseDraft(7 * 86_400)).toMatchObject({ amount: "7", unit: "days" });
    expect(leaseDraft(86_400)).toMatchObject({ amount: "24", unit: "hours" });
    expect(leaseDraft(90 * 3600)).toMatchObject({ amount: "90", unit: "hours" });
    expect(leaseSeconds(leaseDraft(5400))).toBe(5400);
  });
  it("end after they begin", () => {
    const lease = { amount: "2", unit: "hours", start: undefined } as const;
    expect(leaseEnd(lease, NOW)).toBe(NOW + 7_200_000);
    expect(leaseEnd({ ...lease, start: "2026-02-01T00:00:00Z" }, NOW)).toBe(Date.parse("2026-02-01T02:00:00Z"));
    expect(leaseEnd({ ...lease, start: "" }, NOW)).toBeUndefined();
    expect(leaseEnd({ ...lease, amount: "" }, NOW)).toBeUndefined();
  });
  it("stay within the policy, and begin within a year", () => {
    const faults = (amount: string, start?: string) =>
      Object.keys(leaseFaults({ amount, unit: "days", start }, POLICY, NOW));
    expect(faults("7")).toEqual([]);
    for (const bad of ["7.01", "0", "-1", "", "x"]) expect(faults(bad)).toEqual(["lease.duration"]);
    expect(faults("1", "2026-02-01T00:00:00Z")).toEqual([]);
    for (const bad of ["2026-01-31T11:59:00Z", "2027-02-01T00:00:00Z", ""]) {
      expect(faults("1", bad)).toEqual(["lease.start_time"]);
    }
  });
  it("leave the default to the template", () => {
    expect(leaseInput({ amount: "24", unit: "hours", start: undefined }, POLICY)).toEqual({});
    expect(leaseInput({ amount: "2", unit: "days", start: "2026-02-01T00:00:00Z" }, POLICY)).toEqual({
      duration: "172800s",
      startTime: "2026-02-01T00:00:00.000Z",
    });
  });
});

describe("faultsOf", () => {
  const problem = (errors: Problem["errors"], more: Partial<Problem> = {}): Problem => ({
    type: "",
    title: "",
    status: 400,
    detail: "",
    code: "",
    errors,
    ...more,
  });
  it("sorts what the server says by the form's fields", () => {
    const { faults, all } = faultsOf(
      problem([
        { field: "stack_id", parameter: "stackId", detail: "must be 2 to 40" },
        { field: "stack.labels.team", detail: "must have at most 63 characters" },
        { field: "stack.parameters.name", detail: "is missing" },
        { field: "stack.parameters.rules[0].cidr", detail: "is missing" },
        { field: "stack.lease.duration", detail: "must be at most 72h" },
      ]),
    );
    expect(all).toBe(true);
    expect(faults).toEqual({
      stack_id: ["Must be 2 to 40"],
      labels: ["Must have at most 63 characters"],
      "parameters.name": ["Is missing"],
      "parameters.rules": ["rules[0].cidr is missing"],
      "lease.duration": ["Must be at most 72h"],
    });
  });
  it("says when there is more", () => {
    expect(faultsOf(problem([{ field: "parent", detail: "is gone" }])).all).toBe(false);
    expect(faultsOf(problem([])).all).toBe(false);
    expect(faultsOf(undefined).all).toBe(false);
    const quota = { quota: [{ subject: "vcpu", detail: "short" }] };
    expect(faultsOf(problem([{ field: "stack_id", detail: "x" }], quota)).all).toBe(false);
  });
  it("forgets what is edited", () => {
    expect(without({ a: ["x"], b: ["y"] }, "a")).toEqual({ b: ["y"] });
  });
});
