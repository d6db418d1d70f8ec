import { describe, expect, it } from "vitest";

import { markHits, parseAnsi, plainText } from "./ansi";

const ESC = "\x1b";

describe("parseAnsi", () => {
  it("leaves plain text alone", () => {
    expect(parseAnsi("a <b>c</b>")).toEqual([{ text: "a <b>c</b>", style: {} }]);
    expect(parseAnsi("")).toEqual([]);
  });
  it("reads colours and their end", () => {
    expect(parseAnsi(`${ESC}[1;31mError:${ESC}[0m no`)).toEqual([
      { text: "Error:", style: { bold: true, colour: "red" } },
      { text: " no", style: {} },
    ]);
    expect(parseAnsi(`${ESC}[92ma${ESC}[39mb`).map((s) => s.style.colour)).toEqual(["green", undefined]);
  });
  it("maps finer colours", () => {
    expect(parseAnsi(`${ESC}[38;5;196ma${ESC}[38;2;10;200;20mb${ESC}[48;5;21;4mc`).map((s) => s.style)).toEqual([
      { colour: "red" },
      { colour: "green" },
      { colour: "green", background: "blue", underline: true },
    ]);
  });
  it("drops what moves cursors, links and broken sequences", () => {
    expect(plainText(`a${ESC}[2Kb${ESC}]8;;http://x${ESC}\\c${ESC}`)).toBe("abc");
  });
  it("shows what was written last on a line", () => {
    expect(plainText("10%\r50%\r100%\r")).toBe("100%");
  });
  it("keeps tabs", () => {
    expect(plainText(`\ta\x07${ESC}[1mb`)).toBe("\tab");
  });
});

describe("markHits", () => {
  it("marks what is searched for, over colours and in any case", () => {
    const spans = parseAnsi(`an Er${ESC}[31mRor, error`);
    const marked = markHits(spans, "error");
    expect(marked.map((s) => (s.hit ? `[${s.text}]` : s.text)).join("|")).toBe("an |[Er]|[Ror]|, |[error]");
    expect(marked.map((s) => s.style.colour)).toEqual([undefined, undefined, "red", "red", "red"]);
  });
  it("marks hits side by side, and nothing without a search", () => {
    expect(markHits(parseAnsi("aaaa"), "aa").map((s) => [s.text, s.hit])).toEqual([
      ["aa", true],
      ["aa", true],
    ]);
    expect(markHits(parseAnsi("abc"), "").map((s) => s.hit)).toEqual([false]);
  });
});
