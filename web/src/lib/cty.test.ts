import { describe, expect, it } from "vitest";

import { asNumber, converted, parseType, same, typeFaults } from "./cty";

// The cases of the server's own test (services/stacks/parameters_test.cc).
const CASES: [string, unknown[], unknown[]][] = [
  ['"string"', ["a", "", 3, 0.5, true], [[], {}, ["a"]]],
  ['"number"', [3, -1.5, 1e9, "3", "-0.25"], [true, "three", "", "nan", "inf", [], {}]],
  ['"bool"', [true, false, "true", "false"], [1, "yes", [], {}]],
  ['"dynamic"', [1, "a", [], { a: [1, "b"] }], []],
  ['["list","string"]', [[], ["a", 1, true]], ["a", {}, [["a"]]]],
  ['["set","number"]', [[], [1, "2"]], [1, [1, "two"], [{}]]],
  ['["map","bool"]', [{}, { a: true }], [[], { a: "maybe" }]],
  ['["tuple",["string","number"]]', [["a", 1]], [[], ["a"], ["a", 1, 2], ["a", "b"]]],
  [
    '["object",{"name":"string","size":"number"},["size"]]',
    [{ name: "a" }, { name: "a", size: 1 }, { name: "a", more: 1 }],
    [{}, { size: 1 }, { name: "a", size: "big" }, [], "a"],
  ],
  [
    '["list",["object",{"cidr":"string","ports":["list","number"]},["ports"]]]',
    [[], [{ cidr: "10.0.0.0/8" }], [{ cidr: "x", ports: [80] }]],
    [[{ ports: [80] }], [{ cidr: "x", ports: 80 }], ["x"]],
  ],
];

describe("typeFaults", () => {
  it.each(CASES)("%s takes what Terraform converts", (type, good, bad) => {
    for (const value of good) expect(typeFaults("p", parseType(type), value)).toEqual([]);
    for (const value of bad) expect(typeFaults("p", parseType(type), value)).toHaveLength(1);
  });

  it("names the path inside collections", () => {
    const type = parseType('["list",["object",{"cidr":"string","ports":["list","number"]},["ports"]]]');
    expect(typeFaults("p", type, [{ cidr: "a" }, { cidr: "b", ports: [80, "http"] }, {}])).toEqual([
      { path: "p[1].ports[1]", text: "must be a number, not a string" },
      { path: "p[2].cidr", text: "is missing" },
    ]);
  });

  it("takes null inside collections, and everything for a type it cannot read", () => {
    expect(typeFaults("p", parseType('["list","string"]'), [null])).toEqual([]);
    expect(typeFaults("p", parseType("not json"), { a: 1 })).toEqual([]);
  });

  it("does not take what objects inherit for a field", () => {
    expect(typeFaults("p", parseType('["object",{"constructor":"string"}]'), {})).toHaveLength(1);
  });
});

describe("values", () => {
  it("converts as Terraform does", () => {
    expect(converted("number", "3")).toBe(3);
    expect(converted("string", 3)).toBe("3");
    expect(converted("string", true)).toBe("true");
    expect(converted("bool", "true")).toBe(true);
    expect(converted("number", "three")).toBe("three");
  });

  it("reads no numbers that JSON cannot say", () => {
    for (const text of ["", " ", "0x10", "Infinity", "1e999", "NaN", "1_000"]) expect(asNumber(text)).toBeUndefined();
    expect(asNumber("1e3")).toBe(1000);
    expect(asNumber(" -.5 ")).toBe(-0.5);
  });

  it("compares values, whatever the order of their keys", () => {
    expect(same({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBe(true);
    expect(same({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(same([1, 2], [2, 1])).toBe(false);
    expect(same({}, [])).toBe(false);
    expect(same(undefined, null)).toBe(true);
    expect(same(1, "1")).toBe(false);
  });
});
