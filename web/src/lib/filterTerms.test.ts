import { describe, expect, it } from "vitest";

import { termsOf } from "./filterTerms";

describe("termsOf", () => {
  it("splits at AND outside of texts and parentheses", () => {
    expect(termsOf('a = "x AND y" AND (b = 1 AND c = 2) AND d')).toEqual(['a = "x AND y"', "(b = 1 AND c = 2)", "d"]);
    expect(termsOf('a = 1 AND labels.x = "b AND c" AND (d AND e) OR f')).toEqual([
      "a = 1",
      'labels.x = "b AND c"',
      "(d AND e) OR f",
    ]);
    expect(termsOf("BRAND AND x")).toEqual(["BRAND", "x"]);
    expect(termsOf("a = 'x AND y' AND b")).toEqual(["a = 'x AND y'", "b"]);
  });
  it("keeps what is escaped or not closed", () => {
    expect(termsOf('a = "x\\" AND y" AND b')).toEqual(['a = "x\\" AND y"', "b"]);
    expect(termsOf('name = "half AND')).toEqual(['name = "half AND']);
  });
  it("is nothing of nothing", () => {
    expect(termsOf("")).toEqual([]);
    expect(termsOf("  ")).toEqual([]);
  });
});
