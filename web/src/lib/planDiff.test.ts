import { describe, expect, it } from "vitest";

import { type Attribute, type Change, countsOfSummary, groupChanges, prettyJson, rowsOf, viewOf } from "./planDiff";

const change = (address: string, action: Change["action"], attributes: Attribute[] = []): Change => ({
  address,
  action,
  attributes,
  type: "terraform_data",
  reason: "",
});
const attribute = (part: Partial<Attribute>): Attribute => ({
  path: "input",
  beforeJson: "",
  afterJson: "",
  sensitive: false,
  unknown: false,
  forcesReplacement: false,
  ...part,
});

describe("groupChanges", () => {
  const changes = [
    change("b[10]", "DELETE"),
    change("b[9]", "DELETE"),
    change("a", "CREATE"),
    change("x", "ACTION_UNSPECIFIED"),
  ];
  it("orders groups by action and resources by number", () => {
    expect(groupChanges(changes).map((g) => [g.action, g.changes.map((c) => c.address)])).toEqual([
      ["CREATE", ["a"]],
      ["DELETE", ["b[9]", "b[10]"]],
      ["NO_OP", ["x"]],
    ]);
  });
  it("finds parts of addresses and types in any case", () => {
    expect(groupChanges(changes, " B[1").map((g) => g.changes.length)).toEqual([1]);
    expect(groupChanges(changes, "TERRAFORM_").map((g) => g.changes.length)).toEqual([1, 2, 1]);
    expect(groupChanges(changes, "nothing")).toEqual([]);
  });
});

describe("rowsOf", () => {
  const groups = groupChanges([change("a", "CREATE", [attribute({}), attribute({})]), change("b", "DELETE")]);
  it("has attributes below what is open and nothing below what is closed", () => {
    const rows = rowsOf(groups, { closedGroups: new Set(["DELETE"]), openResources: new Set(["CREATE a"]) });
    expect(rows.map((r) => r.kind)).toEqual(["group", "resource", "attribute", "attribute", "group"]);
    expect(new Set(rows.map((r) => r.key)).size).toBe(rows.length);
  });
});

describe("viewOf", () => {
  it("never shows what is sensitive, known or not", () => {
    expect(viewOf(attribute({ sensitive: true, beforeJson: '"x"', unknown: true }))).toEqual({ kind: "sensitive" });
  });
  it("tells what is not known yet", () => {
    expect(viewOf(attribute({ beforeJson: '"x"', unknown: true }))).toEqual({
      kind: "sides",
      before: { kind: "text", text: '"x"' },
      after: { kind: "unknown" },
    });
  });
  it("removes the lines of what is not known yet", () => {
    expect(viewOf(attribute({ beforeJson: "[1]", unknown: true }))).toMatchObject({
      kind: "lines",
      unknownAfter: true,
      lines: [{ kind: "removed" }, { kind: "removed" }, { kind: "removed" }],
    });
  });
  it("tells nothing from an empty text and from null", () => {
    const view = viewOf(attribute({ beforeJson: '""', afterJson: "null" }));
    expect(view).toEqual({
      kind: "sides",
      before: { kind: "text", text: '""' },
      after: { kind: "text", text: "null" },
    });
    expect(viewOf(attribute({ afterJson: "1" }))).toMatchObject({ before: { kind: "absent" } });
  });
  it("compares texts of several lines by line", () => {
    const view = viewOf(attribute({ beforeJson: '"a\\nb\\n"', afterJson: '"a\\nc\\n"' }));
    expect(view).toMatchObject({ kind: "lines", json: false });
    expect(view.kind === "lines" && view.lines.map((l) => l.kind)).toEqual(["same", "removed", "added", "same"]);
  });
  it("compares JSON within a text as JSON", () => {
    const view = viewOf(attribute({ beforeJson: '"{\\"a\\":1}"', afterJson: '"{\\"a\\":2}"' }));
    expect(view).toMatchObject({
      kind: "lines",
      json: true,
      lines: [{ text: "{" }, { text: '  "a": 1' }, { text: '  "a": 2' }, { text: "}" }],
    });
  });
  it("adds or removes all lines where there is one side only", () => {
    const view = viewOf(attribute({ afterJson: '["a"]' }));
    expect(view.kind === "lines" && view.lines.every((l) => l.kind === "added")).toBe(true);
  });
  it("takes what only looks like JSON as a text", () => {
    expect(viewOf(attribute({ afterJson: '"[not json"' }))).toMatchObject({ after: { text: '"[not json"' } });
  });
});

describe("prettyJson", () => {
  it("means the same", () => {
    const value = { a: [1, { b: 'x,{"]' }], c: {}, d: [], e: null, f: "\\", g: -1.5e3 };
    expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  });
  it("keeps large numbers", () => {
    expect(prettyJson('{"n":12345678901234567890}')).toContain("12345678901234567890");
  });
});

describe("countsOfSummary", () => {
  it("reads counts", () => {
    expect(countsOfSummary("0 to create, 5 to update, 1 to replace, 2 to destroy")).toEqual({
      toCreate: 0,
      toUpdate: 5,
      toReplace: 1,
      toDestroy: 2,
    });
  });
  it("is nothing for what has none", () => {
    expect(countsOfSummary("4h more, until tomorrow")).toBeUndefined();
  });
});
