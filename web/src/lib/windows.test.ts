import { expect, it } from "vitest";

import { fromInput, localInput } from "./windows";

it("comes back to the same minute", () => {
  const at = new Date(2026, 10, 3, 4, 5);
  expect(localInput(at)).toBe("2026-11-03T04:05");
  expect(fromInput(localInput(at))).toBe(at.toISOString());
});

it("leaves out what is empty or none", () => {
  expect(localInput(undefined)).toBe("");
  expect(fromInput("")).toBeUndefined();
  expect(fromInput("soon")).toBeUndefined();
});
