import { describe, expect, it } from "vitest";

import { LogBuffer, LogSearch, type ReadLog, readBefore, wholeLines } from "./logBuffer";

const size = (text: string) => new TextEncoder().encode(text).length;

// What the server does: whole lines within the limit, else whole characters, and a note for a hole.
function server(log: string, hole?: { from: number; to: number }): { read: ReadLog; calls: () => number } {
  const bytes = new TextEncoder().encode(log);
  let calls = 0;
  const read: ReadLog = (offset, limit) => {
    calls++;
    if (hole && offset >= hole.from && offset < hole.to) {
      const text = `(${hole.to - offset} bytes of the log are left out here)\n`;
      return Promise.resolve({ text, next: hole.to });
    }
    const most = hole && offset < hole.from ? hole.from : bytes.length;
    let skipped = 0;
    while (((bytes[offset + skipped] ?? 0) & 0xc0) === 0x80) skipped++;
    const piece = bytes.slice(offset + skipped, most);
    let end = Math.min(limit - skipped, piece.length);
    if (end < piece.length) {
      const line = piece.lastIndexOf(10, end - 1) + 1;
      if (line > 0) end = line;
    }
    return Promise.resolve({ text: new TextDecoder().decode(piece.slice(0, end)), next: offset + skipped + end });
  };
  return { read, calls: () => calls };
}

describe("LogBuffer", () => {
  it("joins lines over parts", () => {
    const log = new LogBuffer(0);
    log.append("a\nb", 3);
    log.append("c\n", 5);
    log.append("d\n", 7);
    expect(log.lines).toEqual(["a", "bc", "d"]);
    expect(log.end).toBe(7);
  });
  it("takes nothing twice", () => {
    const log = new LogBuffer(0);
    log.append("a\n", 2);
    log.append("a\n", 2);
    expect(log.lines).toEqual(["a"]);
  });
  it("keeps empty lines", () => {
    const log = new LogBuffer(0);
    log.append("\n\na\n", 4);
    expect(log.lines).toEqual(["", "", "a"]);
  });
  it("keeps the numbers of lines when older ones come", () => {
    const log = new LogBuffer(4);
    log.append("c\n", 6);
    log.prepend("a\nb\n", 0);
    expect(log.lines).toEqual(["a", "b", "c"]);
    expect(log).toMatchObject({ first: -2, start: 0, end: 6, isWhole: true });
  });
  it("lets the oldest go when there is too much", () => {
    const log = new LogBuffer(0, 10);
    for (let i = 1; i <= 5; i++) log.append("12345\n", i * 6);
    expect(log.lines).toEqual(["12345"]);
    expect(log).toMatchObject({ start: 24, end: 30, first: 4, isWhole: false });
  });
  it("cuts lines that are too long to draw", () => {
    const log = new LogBuffer(0);
    log.append(`${"x".repeat(9000)}\n`, 9001);
    expect(log.lines.map((l) => l.length)).toEqual([4000, 4000, 1000]);
  });
});

describe("readBefore", () => {
  it("reads a log backwards without loss or doubling", async () => {
    const text = Array.from({ length: 500 }, (_, i) => `line ${i} é€ ${"x".repeat(i % 40)}\n`).join("");
    const { read } = server(text);
    const log = new LogBuffer(size(text));
    while (!log.isWhole) {
      const part = await readBefore(read, log.start, 333);
      expect(part.gap).toBe(0);
      log.prepend(part.text, part.offset);
    }
    expect(`${log.lines.join("\n")}\n`).toBe(text);
  });
  it("finds where a hole begins, in few calls", async () => {
    const line = "0123456789\n";
    const text = line.repeat(100_000);
    const hole = { from: line.length * 100, to: line.length * 99_990 };
    const { read, calls } = server(text, hole);
    const part = await readBefore(read, size(text), 1000);
    expect(part).toEqual({ text: line.repeat(10), offset: hole.to, gap: hole.to - hole.from });
    expect(calls()).toBeLessThan(30);
    const before = await readBefore(read, hole.from, 110);
    expect(before.text).toBe(line.repeat(9));
  });
});

describe("wholeLines", () => {
  it("leaves the piece of a line to the part before", () => {
    expect(wholeLines("\nb\n", 5, 9)).toEqual({ text: "b\n", offset: 7 });
    expect(wholeLines("a\nb\n", 0, 4)).toEqual({ text: "a\nb\n", offset: 0 });
  });
});

describe("LogSearch", () => {
  it("finds in new and older lines, each once", () => {
    const log = new LogBuffer(10);
    const search = new LogSearch("Err", log);
    log.append("an error\nfine\nerr", 30);
    search.update();
    expect(search.hits).toEqual([0, 2]);
    log.append("or\nerr\n", 37);
    search.update();
    expect(search.hits).toEqual([0, 2, 3]);
    log.prepend("\u001b[31mERR\u001b[0mOR\nx\n", 0);
    search.update();
    search.update();
    expect(search.hits).toEqual([-2, 0, 2, 3]);
  });
});
