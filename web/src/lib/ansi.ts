// Colours by name; what is brighter or finer is mapped to them, so that both schemes stay readable.
export type Colour = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white";
const COLOURS: Colour[] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

export interface Style {
  colour?: Colour;
  background?: Colour;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
}
export interface Span {
  text: string;
  style: Style;
}

// Colours (CSI … m); other sequences: CSI, OSC up to its end, and those of two characters. Control
// characters other than a tab say nothing.
const SEQUENCES =
  /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f]/g;

// What a line says without its escape sequences; what was written over is gone.
export const plainText = (line: string) => overwritten(line).replace(SEQUENCES, "");

// A carriage return begins the line anew: the last text counts.
function overwritten(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}

// A line as texts with styles. Each line begins without one.
export function parseAnsi(line: string): Span[] {
  const text = overwritten(line);
  const spans: Span[] = [];
  let style: Style = {};
  let from = 0;
  const push = (to: number) => {
    if (to <= from) return;
    const before = spans.at(-1);
    const part = text.slice(from, to);
    if (before && before.style === style) before.text += part;
    else spans.push({ text: part, style });
  };
  for (const found of text.matchAll(SEQUENCES)) {
    push(found.index);
    from = found.index + found[0].length;
    if (found[1] !== undefined) style = restyled(style, found[1]);
  }
  push(text.length);
  return spans;
}

function restyled(style: Style, sequence: string): Style {
  const codes = sequence.split(/[;:]/).map(Number);
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.dim = undefined;
    else if (code === 23) next.italic = undefined;
    else if (code === 24) next.underline = undefined;
    else if (code >= 30 && code <= 37) next.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) next.colour = COLOURS[code - 90];
    else if (code === 39) next.colour = undefined;
    else if (code >= 40 && code <= 47) next.background = COLOURS[code - 40];
    else if (code >= 100 && code <= 107) next.background = COLOURS[code - 100];
    else if (code === 49) next.background = undefined;
    else if (code === 38 || code === 48) {
      const [colour, used] = fine(codes.slice(i + 1));
      next[code === 38 ? "colour" : "background"] = colour;
      i += used;
    }
  }
  return next;
}

// A colour of 256 or of three bytes, and how many codes it took.
function fine(codes: number[]): [Colour | undefined, number] {
  const [kind, ...rest] = codes;
  if (kind === 2) return [nearest(rest[0] ?? 0, rest[1] ?? 0, rest[2] ?? 0), 4];
  if (kind !== 5) return [undefined, codes.length];
  const n = rest[0] ?? 0;
  if (n < 16) return [COLOURS[n % 8], 2];
  if (n > 231) return [n < 244 ? "black" : "white", 2];
  const cube = n - 16;
  const level = (part: number) => part * 51;
  return [nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)), 2];
}

// Each of red, green and blue counts where it is more than half of the strongest.
function nearest(r: number, g: number, b: number): Colour | undefined {
  const most = Math.max(r, g, b);
  if (most < 64) return "black";
  const bit = (part: number, value: number) => (part * 2 > most ? value : 0);
  return COLOURS[bit(r, 1) + bit(g, 2) + bit(b, 4)];
}

export interface MarkedSpan extends Span {
  // It is what was searched for.
  hit: boolean;
}

// Splits spans where a text that is searched for begins and ends, in any case of letters.
export function markHits(spans: Span[], query: string): MarkedSpan[] {
  const whole = spans.map((s) => s.text).join("");
  const lower = whole.toLowerCase();
  const wanted = query.toLowerCase();
  // Few letters are longer in lower case; places would not fit then.
  if (wanted === "" || lower.length !== whole.length) return spans.map((s) => ({ ...s, hit: false }));
  const cuts: number[] = [];
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + wanted.length)) {
    cuts.push(at, at + wanted.length);
  }
  const marked: MarkedSpan[] = [];
  let start = 0;
  let next = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    let from = start;
    while (from < end) {
      while ((cuts[next] ?? Infinity) <= from) next++;
      const to = Math.min(end, cuts[next] ?? end);
      marked.push({ text: span.text.slice(from - start, to - start), style: span.style, hit: next % 2 === 1 });
      from = to;
    }
    start = end;
  }
  return marked;
}
