import { expect, it } from "vitest";

import { labelLines, parseLabels } from "./labels";

it("reads what it writes", () => {
  const labels = { team: "web", a: "x=y", empty: "" };
  expect(labelLines(labels)).toBe("a=x=y\nempty=\nteam=web");
  expect(parseLabels(labelLines(labels))).toEqual({ labels });
});

it("takes blank lines and spaces", () => {
  expect(parseLabels("\n team = web \n\n")).toEqual({ labels: { team: "web" } });
});

it("names the line that is none", () => {
  expect(parseLabels("team=web\nnonsense").bad).toBe("nonsense");
  expect(parseLabels("=x").bad).toBe("=x");
});
