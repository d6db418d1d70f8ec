import { describe, expect, it } from "vitest";

import { diffLines, withContext } from "./lineDiff";

const written = (before: string, after: string) =>
  diffLines(before, after).map((l) => ({ same: " ", added: "+", removed: "-" })[l.kind] + l.text);

describe("diffLines", () => {
  it("keeps what is the same", () => {
    expect(written("a\nb\nc", "a\nB\nc\nd")).toEqual([" a", "-b", "+B", " c", "+d"]);
  });
  it("tells nothing of equal texts", () => {
    expect(written("a\nb", "a\nb")).toEqual([" a", " b"]);
  });
  it("gives back both texts, whatever they are", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const text = () => Array.from({ length: random(9) + 1 }, () => "abc"[random(3)]).join("\n");
      const [a, b] = [text(), text()];
      const lines = diffLines(a, b);
      const of = (without: string) =>
        lines
          .filter((l) => l.kind !== without)
          .map((l) => l.text)
          .join("\n");
      expect(of("added")).toBe(a);
      expect(of("removed")).toBe(b);
    }
  });
  it("does not hang on texts that have nothing in common", () => {
    const text = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word}${i}`).join("\n");
    expect(diffLines(text("a"), text("b"))).toHaveLength(10_000);
  });
});

describe("withContext", () => {
  it("counts what it leaves out", () => {
    const lines = diffLines("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\nsix");
    expect(withContext(lines, 1)).toEqual([
      { kind: "skipped", count: 4 },
      { kind: "same", text: "5" },
      { kind: "removed", text: "6" },
      { kind: "added", text: "six" },
    ]);
  });
});
