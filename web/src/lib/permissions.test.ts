import { describe, expect, it } from "vitest";

import { byKind, includes, PERMISSIONS, permissionsOf, toggle } from "./permissions";

describe("permissions", () => {
  it("are named by kind", () => {
    expect(permissionsOf("quota")).toEqual([
      "quota.get",
      "quota.grants.create",
      "quota.limits.set",
      "quota.metrics.create",
    ]);
    expect(permissionsOf("nothing")).toEqual([]);
    expect(new Set(PERMISSIONS).size).toBe(PERMISSIONS.length);
  });
  it("are grouped, and a wildcard stands for all of its kind", () => {
    expect(byKind(["stacks.get", "channels.*", "channels.get"])).toEqual([
      { kind: "channels", all: true, permissions: [] },
      { kind: "stacks", all: false, permissions: ["stacks.get"] },
    ]);
  });
  it("are included by wildcards", () => {
    expect(includes(["*"], "stacks.get")).toBe(true);
    expect(includes(["stacks.*"], "stacks.get")).toBe(true);
    expect(includes(["stack.*"], "stacks.get")).toBe(false);
    expect(includes(["stacks.get"], "stacks.list")).toBe(false);
  });
  it("are put in and taken out", () => {
    expect(toggle(["stacks.get"], "runs.get", true)).toEqual(["runs.get", "stacks.get"]);
    expect(toggle(["stacks.get", "runs.get"], "stacks.*", true)).toEqual(["runs.get", "stacks.*"]);
    expect(toggle(["stacks.get"], "*", true)).toEqual(["*"]);
    expect(toggle(["stacks.get", "x.y"], "stacks.get", false)).toEqual(["x.y"]);
  });
});
