import { describe, expect, it } from "vitest";

import { parseFilter, writeFilter } from "./eventFilter";

describe("filters", () => {
  const all = {
    type: "stack.*",
    actor: "users/ann",
    resource: "projects/p/stacks/s",
    after: "2026-11-01T00:00:00Z",
    before: "2026-12-01T00:00:00Z",
    rest: 'details.stack = "x"',
  };
  it("come back as they were written", () => {
    expect(parseFilter(writeFilter(all))).toEqual(all);
    expect(writeFilter({ actor: 'a"b\\c' })).toBe('actor = "a\\"b\\\\c"');
    expect(parseFilter(writeFilter({ actor: 'a"b\\c' }))).toEqual({ actor: 'a"b\\c' });
  });
  it("are nothing where there is nothing", () => {
    expect(writeFilter({})).toBeUndefined();
    expect(parseFilter(undefined)).toEqual({});
  });
  it("keep what they do not know", () => {
    expect(parseFilter('type != "x" AND type = "y"')).toEqual({ type: "y", rest: 'type != "x"' });
    expect(parseFilter('type = "x" AND type = "y"')).toEqual({ type: "x", rest: 'type = "y"' });
  });
  it("do not take an OR apart", () => {
    const either = 'type = "x" OR actor = "y" AND resource = "z"';
    expect(parseFilter(either)).toEqual({ rest: either });
    expect(writeFilter({ type: "t", rest: either })).toBe(`type = "t" AND (${either})`);
    expect(parseFilter('type = "t" AND (a OR b)')).toEqual({ type: "t", rest: "(a OR b)" });
  });
});
