import { expect, it } from "vitest";

import { tally } from "./tally";

it("counts in the order given", () => {
  expect(tally(["b", "x", "a", "b", "w"], ["a", "b"])).toEqual([
    ["a", 1],
    ["b", 2],
    ["w", 1],
    ["x", 1],
  ]);
  expect(tally([], ["a"])).toEqual([]);
});
