import { expect, it } from "vitest";

import { pageOf, shortName } from "./resourceLinks";

it("knows where resources are shown", () => {
  expect(pageOf("projects/web")).toBe("/projects/web");
  expect(pageOf("projects/web/stacks/shop")).toBe("/projects/web/stacks/shop");
  expect(pageOf("projects/web/stacks/shop/runs/r1")).toBe("/projects/web/stacks/shop/runs/r1");
  expect(pageOf("projects/web/stacks/shop/revisions/3")).toBe("/projects/web/stacks/shop");
  expect(pageOf("projects/web/changeRequests/4")).toBe("/projects/web/changeRequests/4");
  expect(pageOf("projects/web/quota/limits/vcpu:ann")).toBe("/projects/web/quota");
  expect(pageOf("templates/hello/versions/1")).toBe("/catalogue/hello");
});

it("does not make up pages", () => {
  expect(pageOf("users/ann")).toBeUndefined();
  expect(pageOf("")).toBeUndefined();
  expect(pageOf("projects/web/stacks")).toBeUndefined();
});

it("lets no name leave its place", () => {
  expect(pageOf("projects/web/stacks/a?b")).toBe("/projects/web/stacks/a%3Fb");
});

it("shortens names within a project", () => {
  expect(shortName("projects/web/stacks/shop", "web")).toBe("stacks/shop");
  expect(shortName("projects/website/stacks/shop", "web")).toBe("projects/website/stacks/shop");
});
