import { expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import { waitsFor } from "./toReview";

const me = (roles: string[], projectRoles: string[] = []) =>
  ({ user: { name: "users/dave" }, roles, projectRoles }) as unknown as Schemas["WhoAmIResponse"];
const request = (more: object = {}) =>
  ({
    name: "projects/web/changeRequests/1",
    state: "PENDING",
    requester: "users/ann",
    planDigest: "d2",
    reviews: [],
    policy: { reviewerRole: "devops" },
    ...more,
  }) as unknown as Schemas["ChangeRequest"];
const review = (verdict: string, planDigest = "d2", reviewer = "users/dave") => ({ reviewer, verdict, planDigest });

it("waits for those with the role, in its project or everywhere", () => {
  expect(waitsFor(request(), me(["roles/devops"]))).toBe(true);
  expect(waitsFor(request(), me(["roles/admin"]))).toBe(true);
  expect(waitsFor(request(), me([], ["projects/web: roles/devops"]))).toBe(true);
  expect(waitsFor(request(), me([], ["projects/other: roles/devops", "projects/web: roles/dev"]))).toBe(false);
});

it("does not wait for who asked, nor once it is decided", () => {
  expect(waitsFor(request({ requester: "users/dave" }), me(["roles/devops"]))).toBe(false);
  expect(waitsFor(request({ state: "APPROVED" }), me(["roles/devops"]))).toBe(false);
});

it("does not wait for who approved this very plan", () => {
  expect(waitsFor(request({ reviews: [review("APPROVE")] }), me(["roles/devops"]))).toBe(false);
  expect(waitsFor(request({ reviews: [review("APPROVE", "d1")] }), me(["roles/devops"]))).toBe(true);
  expect(waitsFor(request({ reviews: [review("COMMENT")] }), me(["roles/devops"]))).toBe(true);
  expect(waitsFor(request({ reviews: [review("APPROVE", "d2", "users/eve")] }), me(["roles/devops"]))).toBe(true);
});
