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
const HEADING = /^(#{1,6})\s+(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^\s*([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const TABLE_RULE = /^:?-+:?$/;

// The texts are of others, and expressions can be slow: what is longer is shown as it is.
const MAX_TEXT = 2_000;
const isLong = (text: string) => text.length > MAX_TEXT;
// So that few lines make no table of millions of cells.
const MAX_COLUMNS = 50;
const MAX_ROWS = 500;

// What ends a paragraph.
const OTHERS = [FENCE, HEADING, ITEM, QUOTE, RULE];

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
    if (isLong(now)) {
      at++;
      blocks.push({ kind: "paragraph", inlines: readInlines(now.trim()) });
      continue;
    }
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
      const inlines = readInlines(headingText(heading[2] ?? ""));
      if (blocks.length === 0 && plain(inlines) === title) continue;
      level = Math.min((heading[1] ?? "").length, level + 1);
      blocks.push({ kind: "heading", level, inlines });
    } else if (RULE.test(now)) {
      at++;
      blocks.push({ kind: "rule" });
    } else if (now.includes("|") && isTableRule(line(at + 1)) && partsOf(now).length <= MAX_COLUMNS) {
      const head = cellsOf(now);
      at += 2;
      const end = at + MAX_ROWS;
      const rows = take((l) => at < end && !isLong(l) && l.includes("|")).map((l) => padded(cellsOf(l), head.length));
      blocks.push({ kind: "table", head, rows });
    } else if (ITEM.test(now)) {
      const ordered = /^\s*\d/.test(now);
      const items: string[] = [];
      for (const l of take((t) => !isLong(t) && t.trim() !== "" && !FENCE.test(t) && (ITEM.test(t) || /^\s/.test(t)))) {
        const item = ITEM.exec(l);
        if (item) items.push(item[2] ?? "");
        else items.push(`${items.pop() ?? ""} ${l.trim()}`);
      }
      blocks.push({ kind: "list", ordered, items: items.map(readInlines) });
    } else if (QUOTE.test(now)) {
      const text = take((l) => !isLong(l) && QUOTE.test(l)).map((l) => QUOTE.exec(l)?.[1] ?? "");
      blocks.push({ kind: "quote", inlines: readInlines(text.join(" ")) });
    } else {
      at++;
      const rest = take((l) => !isLong(l) && l.trim() !== "" && !OTHERS.some((e) => e.test(l)));
      blocks.push({ kind: "paragraph", inlines: readInlines([now, ...rest].map((l) => l.trim()).join(" ")) });
    }
  }
  return blocks;
}

// Without the hashes that may stand behind it.
function headingText(text: string): string {
  const words = text.trim();
  let end = words.length;
  while (words[end - 1] === "#") end--;
  return end === 0 || words[end - 1]?.trim() === "" ? words.slice(0, end).trim() : words;
}

const isTableRule = (line: string) => !isLong(line) && partsOf(line).every((part) => TABLE_RULE.test(part));

function partsOf(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((part) => part.trim());
}
const cellsOf = (line: string) => partsOf(line).map((part) => readInlines(part.replaceAll("\\|", "|")));
const padded = (cells: Inline[][], count: number) => Array.from({ length: count }, (_, i) => cells[i] ?? []);

// Where a link may lead: to other sites only, and to nothing that a browser would run.
const SAFE = /^https?:\/\//i;
const MARK =
  /(?<!`)(`{1,3})(?!`)(.+?)(?<!`)\1(?!`)|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]*)\]\(([^()\s]*)\)|<(https?:\/\/[^>\s]+)>/;

export function readInlines(source: string): Inline[] {
  if (isLong(source)) return [{ kind: "text", text: source }];
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
