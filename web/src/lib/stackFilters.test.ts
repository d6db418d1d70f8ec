import { describe, expect, it } from "vitest";

import { ending, FAILING, hasPart, mine, toggled, WAITING } from "./stackFilters";

describe("toggled", () => {
  it("adds and takes away, and leaves what else is there", () => {
    expect(toggled(undefined, FAILING)).toBe("state = FAILED");
    expect(toggled("state = FAILED", FAILING)).toBeUndefined();
    expect(toggled("a = 1 AND state = FAILED", FAILING)).toBe("a = 1");
    expect(toggled("a = 1", mine("users/ann"))).toBe('a = 1 AND creator = "users/ann"');
  });
  it("puts one state in the place of another", () => {
    expect(toggled('state = FAILED AND creator = "users/ann"', WAITING)).toBe(
      'creator = "users/ann" AND state = AWAITING_APPROVAL',
    );
  });
  it("knows its end again, whatever the time", () => {
    const now = Date.parse("2026-01-31T12:00:01Z");
    expect(ending(now)).toBe('lease.end_time < "2026-02-01T12:10:00.000Z"');
    expect(hasPart(`a AND ${ending(now)}`, ending(now + 7_200_000))).toBe(true);
    expect(toggled(ending(now), ending(now + 7_200_000))).toBeUndefined();
    expect(hasPart(undefined, FAILING)).toBe(false);
  });
});
