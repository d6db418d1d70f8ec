import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { EVENT_TYPES } from "./eventTypes";

it("offers what the server knows, and all of it", () => {
  const source = readFileSync(new URL("../../../services/stacks/event_types.cc", import.meta.url), "utf8");
  const list = source.slice(source.indexOf("EventTypes() {"), source.indexOf("};"));
  const known = [...list.matchAll(/"([a-zA-Z]+\.[a-zA-Z]+)"/g)].map((m) => m[1]);
  expect(known.length).toBeGreaterThan(40);
  expect(EVENT_TYPES.filter((t) => !t.endsWith(".*")).sort()).toEqual(known.sort());
  for (const pattern of EVENT_TYPES.filter((t) => t.endsWith(".*"))) {
    expect(known.some((t) => t?.startsWith(pattern.slice(0, -1)))).toBe(true);
  }
});
