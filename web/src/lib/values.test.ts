import { describe, expect, it } from "vitest";

import { attributesOf, bytes, differences, lineOf, textOf } from "./values";

describe("texts of values", () => {
  it("shows texts as they are and the rest as JSON", () => {
    expect(textOf("a")).toBe("a");
    expect(textOf(["a"])).toBe('[\n  "a"\n]');
    expect(textOf(null)).toBe("null");
    expect(textOf(undefined)).toBe("");
  });
  it("cuts what is long to a line", () => {
    expect(lineOf("short")).toEqual({ text: "short", cut: false });
    expect(lineOf("two\nlines")).toEqual({ text: "two…", cut: true });
    expect(lineOf("x".repeat(200)).text).toHaveLength(121);
    expect(lineOf({ a: [1] })).toEqual({ text: '{"a":[1]}', cut: false });
    expect(lineOf(undefined).text).toBe("");
  });
});

describe("differences", () => {
  it("tells what was added, removed and changed", () => {
    expect(differences({ a: 1, b: 2, c: 3 }, { b: 2, c: 4, d: 5 })).toEqual([
      { name: "a", kind: "removed", before: 1, after: undefined },
      { name: "c", kind: "changed", before: 3, after: 4 },
      { name: "d", kind: "added", before: undefined, after: 5 },
    ]);
  });
  it("does not mind the order of keys, but that of lists", () => {
    expect(differences({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } })).toEqual([]);
    expect(differences({ a: [1, 2] }, { a: [2, 1] })).toHaveLength(1);
  });
  it("claims nothing about secrets", () => {
    expect(differences({ p: "(sensitive)" }, { p: "(sensitive)" })).toMatchObject([{ name: "p", kind: "secret" }]);
  });
  it("knows null from nothing", () => {
    expect(differences({ a: null }, {})).toMatchObject([{ kind: "removed" }]);
    expect(differences(undefined, undefined)).toEqual([]);
  });
});

it("counts bytes", () => {
  expect(bytes("7362")).toMatch(/^7.2 KiB$/);
  expect(bytes(12)).toBe("12 B");
  expect(bytes(3 * 1024 ** 3)).toBe("3 GiB");
});

it("reads attributes, those without a value last", () => {
  expect(attributesOf('{"b":1,"a":null,"c":"x"}')).toEqual([
    ["b", 1],
    ["c", "x"],
    ["a", null],
  ]);
  expect(attributesOf("")).toEqual([]);
  expect(attributesOf("[1]")).toEqual([]);
});
