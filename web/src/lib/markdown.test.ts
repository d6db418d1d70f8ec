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

  it("takes the hashes behind a heading away, and none of a word", () => {
    const headings = readMarkdown("# One ##\n# C#\n# ##\n#  Two \n# a # b");
    expect(headings.map((b) => ("inlines" in b ? plain(b.inlines) : ""))).toEqual(["One", "C#", "", "Two", "a # b"]);
  });

  it("shows lines and paragraphs that are too long as they are", () => {
    const long = "**a** ".repeat(500).trim();
    const text = { kind: "paragraph", inlines: [{ kind: "text", text: long }] };
    expect(readMarkdown(`${long}\n# b`)).toEqual([text, { kind: "heading", level: 1, inlines: readInlines("b") }]);
    expect(readMarkdown(long.replaceAll(" ", "\n"))).toEqual([text]);
    expect(kinds(`- a\n- ${long}\n> b\n> ${long}\n|a|\n|-|\n|${long}|`)).toEqual([
      "list",
      "paragraph",
      "quote",
      "paragraph",
      "table",
      "paragraph",
    ]);
    expect(readMarkdown("```\n" + long + "\n```")).toEqual([{ kind: "code", text: long }]);
  });

  const SIZE = 64 << 10;
  const marks = [
    ..."`#[]|*_<>-~ \\",
    ...["*a ", "[a](", "**`", "`a``", "# #", "# ", "|-", "| - ", "| ", "__a", "<http://", "![", "- -", "<!--", "--> "],
  ];
  it.each(marks)("takes 64 KB of %j in little time", (mark) => {
    const line = mark.repeat(SIZE / mark.length);
    // On one line, on the longest that are read, on short ones, and behind what begins a block.
    const lines = (length: number, before = "") =>
      (before + line.slice(0, length) + "x\n").repeat(SIZE / (length + before.length + 2));
    const texts = [
      line,
      lines(1_990),
      lines(1_990, "# "),
      lines(1_990, "|\n"),
      lines(1_990, "\n"),
      lines(60),
      lines(2),
    ];
    for (const text of texts) {
      const start = performance.now();
      readMarkdown(text);
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });

  it("makes no huge table of few lines", () => {
    const start = performance.now();
    const wide = readMarkdown("|".repeat(1_900) + "\n" + "-|".repeat(900) + "-\n" + "|\n".repeat(30_000));
    expect(wide.some((b) => b.kind === "table")).toBe(false);
    const [table] = readMarkdown("|a|b|\n|-|-|\n" + "|\n".repeat(30_000));
    expect(table?.kind === "table" && table.rows.length).toBe(500);
    expect(performance.now() - start).toBeLessThan(1_000);
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
    expect(readInlines("``a ` b`` `c")).toEqual([
      { kind: "code", text: "a ` b" },
      { kind: "text", text: " `c" },
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
