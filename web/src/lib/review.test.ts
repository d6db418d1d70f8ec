import { describe, expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import { approvals, approvedBy, history, obstacle, rolesIn, waitsForReview } from "./review";

const review = (part: Partial<Schemas["Review"]>): Schemas["Review"] => ({
  reviewer: "users/dave",
  verdict: "APPROVE",
  text: "",
  planDigest: "d1",
  createTime: "2026-01-31T09:00:00Z",
  ...part,
});
const request = (part: Partial<Schemas["ChangeRequest"]>) =>
  ({
    name: "projects/web/changeRequests/1",
    state: "PENDING",
    requester: "users/ann",
    planDigest: "d1",
    policy: { reviewerRole: "devops", requiredApprovals: 2 },
    reviews: [],
    createTime: "2026-01-31T08:00:00Z",
    expireTime: "2026-02-01T09:00:00Z",
    ...part,
  }) as unknown as Schemas["ChangeRequest"];
const me = (user: string, roles: string[], projectRoles: string[] = []): Schemas["WhoAmIResponse"] => ({
  user: { name: user } as Schemas["User"],
  roles,
  projectRoles,
});
const NOW = Date.parse("2026-01-31T10:00:00Z");

describe("approvals", () => {
  it("counts a reviewer once, and approvals of this plan only", () => {
    const reviews = [review({}), review({}), review({ reviewer: "users/eve", planDigest: "d0" })];
    expect(approvals(request({ reviews }))).toEqual({ given: 1, needed: 2, missing: 1 });
    expect(approvedBy(request({ reviews }), "users/eve")).toBe(false);
    expect(approvedBy(request({ reviews }), "users/dave")).toBe(true);
  });
});

describe("obstacle", () => {
  it("names why one may not review", () => {
    expect(obstacle(request({}), me("users/ann", ["roles/admin"]), NOW)).toBe("OWN");
    expect(obstacle(request({}), me("users/eve", ["roles/dev"]), NOW)).toBe("ROLE");
    expect(obstacle(request({ state: "REJECTED" }), me("users/dave", ["roles/devops"]), NOW)).toBe("CLOSED");
    expect(obstacle(request({}), me("users/dave", ["roles/devops"]), NOW + 2 * 86_400_000)).toBe("CLOSED");
  });
  it("lets those with the role and admins", () => {
    expect(obstacle(request({}), me("users/dave", [], ["projects/web: roles/devops"]), NOW)).toBeUndefined();
    expect(obstacle(request({}), me("users/root", ["roles/admin"]), NOW)).toBeUndefined();
    expect(obstacle(request({}), me("users/dave", [], ["projects/other: roles/devops"]), NOW)).toBe("ROLE");
  });
});

describe("waitsForReview", () => {
  const dave = me("users/dave", ["roles/devops"]);
  const waits = (part: Partial<Schemas["ChangeRequest"]>, who = dave, may = true) =>
    waitsForReview(request(part), who, may, NOW);
  it("is for those who may decide", () => {
    expect(waits({})).toBe(true);
    expect(waits({ policy: undefined }, me("users/eve", ["roles/dev"]))).toBe(true);
    expect(waits({}, me("users/eve", ["roles/dev"]))).toBe(false);
    expect(waits({}, dave, false)).toBe(false);
    expect(waits({ requester: "users/dave" })).toBe(false);
    expect(waits({ state: "APPROVED" })).toBe(false);
    expect(waits({ expireTime: "2026-01-31T09:59:59Z" })).toBe(false);
  });
  it("is over for who approved this very plan", () => {
    expect(waits({ reviews: [review({})] })).toBe(false);
    expect(waits({ reviews: [review({ planDigest: "d0" })] })).toBe(true);
    expect(waits({ reviews: [review({ verdict: "COMMENT" })] })).toBe(true);
    expect(waits({ reviews: [review({ reviewer: "users/eve" })] })).toBe(true);
  });
});

describe("rolesIn", () => {
  it("does not take a project for another that begins like it", () => {
    expect([...rolesIn(me("users/a", ["roles/viewer"], ["projects/web2: roles/dev"]), "web")]).toEqual(["viewer"]);
  });
});

describe("history", () => {
  it("tells reviews once, in order", () => {
    const event = (type: string, time: string) =>
      ({ name: `e/${type}`, type, time, actor: "system", message: type }) as Schemas["Event"];
    const told = history(request({ reviews: [review({ planDigest: "d0", text: "yes" })] }), [
      event("changeRequest.stale", "2026-01-31T09:30:00Z"),
      event("changeRequest.reviewed", "2026-01-31T09:00:00Z"),
      event("changeRequest.created", "2026-01-31T08:00:00Z"),
    ]);
    expect(told.map((m) => [m.what, m.who, m.outdated])).toEqual([
      ["changeRequest.created", "users/ann", false],
      ["APPROVE", "users/dave", true],
      ["changeRequest.stale", "system", false],
    ]);
  });
  it("begins with the request where events cannot be read", () => {
    expect(history(request({}), []).map((m) => m.what)).toEqual(["changeRequest.created"]);
  });
});
