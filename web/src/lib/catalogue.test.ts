import { expect, it } from "vitest";

import { foundTemplates } from "./catalogue";

const template = (id: string, title: string, description = "", more = {}) => ({
  name: `templates/${id}`,
  title,
  description,
  labels: {},
  deprecation: "",
  latestVersion: "",
  createTime: "",
  updateTime: "",
  etag: "",
  ...more,
});
const ALL = [
  template("eks", "EKS cluster", "Kubernetes of Amazon"),
  template("vm", "Virtual machine", "One machine, no cluster", { labels: { cloud: "aws" } }),
  template("old", "Old cluster", "", { deprecation: "Use eks" }),
];
const ids = (search: string, deprecated = false) =>
  foundTemplates(ALL, search, deprecated).map((t) => t.name.slice(10));

it("finds by title, name, description and labels", () => {
  expect(ids("")).toEqual(["eks", "vm"]);
  expect(ids("cluster")).toEqual(["eks", "vm"]);
  expect(ids("machine")).toEqual(["vm"]);
  expect(ids("cloud:aws")).toEqual(["vm"]);
  expect(ids("CLUSTER amazon")).toEqual(["eks"]);
  expect(ids("nothing")).toEqual([]);
});

it("shows deprecated ones when asked to", () => {
  expect(ids("", true)).toEqual(["eks", "old", "vm"]);
});
