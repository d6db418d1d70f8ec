import { describe, expect, it } from "vitest";

import { plain, readInlines, readMarkdown } from "./markdown";

const kinds = (text: string) => readMarkdown(text).map((b) => b.kind);

describe("readMarkdown", () => {
  it("reads the blocks of a readme", () => {
    const text = [
      "# Title",
      "",
      "Some words",
      "on two lines.",
      "",
      "- one",
      "  goes on",
      "- two",
      "",
      "1. first",
      "2. second",
      "",
      "| a | b |",
      "|---|:-:|",
      "| `x` | y \\| z |",
      "| only |",
      "",
      "```hcl",
      "# no heading",
      "```",
      "> said",
      "",
      "---",
    ].join("\n");
    const blocks = readMarkdown(text);
    expect(blocks.map((b) => b.kind)).toEqual([
      "heading",
      "paragraph",
      "list",
      "list",
      "table",
      "code",
      "quote",
      "rule",
    ]);
    expect(blocks[1]).toEqual({
      kind: "paragraph",
      inlines: [{ kind: "text", text: "Some words on two lines." }],
    });
    expect(blocks[2]).toMatchObject({ ordered: false, items: [[{ text: "one goes on" }], [{ text: "two" }]] });
    expect(blocks[3]).toMatchObject({ ordered: true });
    expect(blocks[4]).toMatchObject({
      rows: [
        [[{ kind: "code", text: "x" }], [{ text: "y | z" }]],
        [[{ text: "only" }], []],
      ],
    });
    expect(blocks[5]).toEqual({ kind: "code", text: "# no heading" });
  });

  it("leaves no gaps between the levels of headings", () => {
    const levels = readMarkdown("### a\n##### b\n# c\n### d").map((b) => (b.kind === "heading" ? b.level : 0));
    expect(levels).toEqual([1, 2, 1, 2]);
  });

  it("leaves out the title that stands above, and starts anew below it", () => {
    expect(readMarkdown("# The **kit**\n## Use", "The kit")).toEqual([
      { kind: "heading", level: 1, inlines: [{ kind: "text", text: "Use" }] },
    ]);
    expect(kinds("# Other\n## Use")).toHaveLength(2);
  });

  it("ends, whatever it reads", () => {
    for (const text of ["```", "|", "|\n|", "- ", ">", "#", "****", "[](", "`".repeat(50), "*".repeat(500)]) {
      expect(() => readMarkdown(text)).not.toThrow();
    }
    expect(kinds("")).toEqual([]);
  });

  it("takes a long text in little time", () => {
    const start = performance.now();
    readMarkdown("*a ".repeat(20_000));
    readMarkdown("[a](".repeat(16_000));
    readMarkdown("**`".repeat(20_000));
    readMarkdown("|" + " - |".repeat(16_000) + "\n" + "|-".repeat(16_000) + "x");
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("readInlines", () => {
  it("reads marks, and marks in marks", () => {
    expect(readInlines("a **b `c`** *d* [e](https://x.org)")).toEqual([
      { kind: "text", text: "a " },
      {
        kind: "strong",
        inlines: [
          { kind: "text", text: "b " },
          { kind: "code", text: "c" },
        ],
      },
      { kind: "text", text: " " },
      { kind: "emphasis", inlines: [{ kind: "text", text: "d" }] },
      { kind: "text", text: " " },
      { kind: "link", href: "https://x.org", inlines: [{ kind: "text", text: "e" }] },
    ]);
    expect(readInlines("2 * 3 * 4 and snake_case_name")).toEqual([
      { kind: "text", text: "2 * 3 * 4 and snake_case_name" },
    ]);
  });

  it("makes no link of what a browser would run, nor of markup", () => {
    for (const href of ["javascript:alert", "data:text/html,x", "//x.org", "/stacks", "JaVaScRiPt:x", "vbscript:x"]) {
      const inlines = readInlines(`[words](${href})`);
      expect(inlines).toEqual([{ kind: "text", text: "words" }]);
    }
    expect(plain(readInlines("<script>alert(1)</script>"))).toBe("<script>alert(1)</script>");
  });
});
