// A small subset of Markdown, read into plain data: whoever shows it makes elements of it, and
// nothing in it can become markup.
export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "emphasis"; inlines: Inline[] }
  | { kind: "link"; href: string; inlines: Inline[] };
export type Block =
  // Levels from 1 without gaps, whatever the text has.
  | { kind: "heading"; level: number; inlines: Inline[] }
  | { kind: "paragraph" | "quote"; inlines: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const FENCE = /^\s*(```+|~~~+)/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^\s*([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const TABLE_LINE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

// `title` is what stands above the text already: a first heading of the same words is left out.
export function readMarkdown(source: string, title?: string): Block[] {
  const lines = source.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  let level = 0;
  let at = 0;
  const line = (i: number) => lines[i] ?? "";
  // Lines from `at` on that belong together.
  const take = (belongs: (text: string) => boolean) => {
    const taken: string[] = [];
    while (at < lines.length && belongs(line(at))) taken.push(line(at++));
    return taken;
  };
  while (at < lines.length) {
    const now = line(at);
    const fence = FENCE.exec(now)?.[1];
    const heading = HEADING.exec(now);
    if (now.trim() === "" || /^\s*<!--.*-->\s*$/.test(now)) {
      at++;
    } else if (fence) {
      at++;
      const text = take((l) => !l.trim().startsWith(fence)).join("\n");
      at++;
      blocks.push({ kind: "code", text });
    } else if (heading) {
      at++;
      const inlines = readInlines(heading[2] ?? "");
      if (blocks.length === 0 && plain(inlines) === title) continue;
      level = Math.min((heading[1] ?? "").length, level + 1);
      blocks.push({ kind: "heading", level, inlines });
    } else if (RULE.test(now)) {
      at++;
      blocks.push({ kind: "rule" });
    } else if (now.includes("|") && TABLE_LINE.test(line(at + 1)) && line(at + 1).includes("-")) {
      const head = cellsOf(now);
      at += 2;
      const rows = take((l) => l.includes("|") && l.trim() !== "").map((l) => padded(cellsOf(l), head.length));
      blocks.push({ kind: "table", head, rows });
    } else if (ITEM.test(now)) {
      const ordered = /^\s*\d/.test(now);
      const items: string[] = [];
      for (const l of take((t) => t.trim() !== "" && !FENCE.test(t) && (ITEM.test(t) || /^\s/.test(t)))) {
        const item = ITEM.exec(l);
        if (item) items.push(item[2] ?? "");
        else items.push(`${items.pop() ?? ""} ${l.trim()}`);
      }
      blocks.push({ kind: "list", ordered, items: items.map(readInlines) });
    } else if (QUOTE.test(now)) {
      const text = take((l) => QUOTE.test(l)).map((l) => QUOTE.exec(l)?.[1] ?? "");
      blocks.push({ kind: "quote", inlines: readInlines(text.join(" ")) });
    } else {
      at++;
      const rest = take((l) => l.trim() !== "" && ![FENCE, HEADING, ITEM, QUOTE, RULE].some((e) => e.test(l)));
      blocks.push({ kind: "paragraph", inlines: readInlines([now, ...rest].map((l) => l.trim()).join(" ")) });
    }
  }
  return blocks;
}

function cellsOf(line: string): Inline[][] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => readInlines(cell.trim().replaceAll("\\|", "|")));
}
const padded = (cells: Inline[][], count: number) => Array.from({ length: count }, (_, i) => cells[i] ?? []);

// Where a link may lead: to other sites only, and to nothing that a browser would run.
const SAFE = /^https?:\/\//i;
const MARK =
  /(`+)(.+?)\1|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]*)\]\(([^()\s]*)\)|<(https?:\/\/[^>\s]+)>/;

export function readInlines(source: string): Inline[] {
  const inlines: Inline[] = [];
  const text = (words: string) => {
    if (words) inlines.push({ kind: "text", text: words.replace(/\\([\\`*_[\]()#|-])/g, "$1") });
  };
  let rest = source;
  for (;;) {
    const found = MARK.exec(rest);
    if (!found) {
      text(rest);
      return inlines;
    }
    const [whole, , code, strong, strong2, emphasis, label, href, bare] = found;
    text(rest.slice(0, found.index));
    rest = rest.slice(found.index + whole.length);
    if (code !== undefined) inlines.push({ kind: "code", text: code.trim() || code });
    else if (strong !== undefined || strong2 !== undefined)
      inlines.push({ kind: "strong", inlines: readInlines(strong ?? strong2 ?? "") });
    else if (emphasis !== undefined) inlines.push({ kind: "emphasis", inlines: readInlines(emphasis) });
    else if (bare !== undefined) inlines.push({ kind: "link", href: bare, inlines: [{ kind: "text", text: bare }] });
    else if (href !== undefined && SAFE.test(href))
      inlines.push({ kind: "link", href, inlines: readInlines(label || href) });
    else inlines.push(...readInlines(label ?? ""));
  }
}

// What is said, without marks.
export const plain = (inlines: Inline[]): string =>
  inlines.map((i) => ("text" in i ? i.text : plain(i.inlines))).join("");
