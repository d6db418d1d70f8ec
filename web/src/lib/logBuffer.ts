import { plainText } from "./ansi";

// A line of a log is drawn as several when it is longer.
const MOST_LINE = 4_000;
// What is held of a log; beyond it the oldest parts are let go, and can be read again.
const MOST_HELD = 32 << 20;

const bytes = (text: string) => new TextEncoder().encode(text).length;

interface Piece {
  from: number;
  lines: number;
  size: number;
}

// A part of a log without gaps, as lines. Offsets are bytes of the log. It changes in place: a log
// of many lines is not copied for each new one.
export class LogBuffer {
  readonly lines: string[] = [];
  // Number of the first line, which goes down for older ones: a line keeps its number.
  first = 0;
  end: number;
  // The last line has no end yet.
  private partial = false;
  private pieces: Piece[] = [];

  constructor(
    private from: number,
    private readonly most = MOST_HELD,
  ) {
    this.end = from;
  }

  get start() {
    return this.pieces[0]?.from ?? this.from;
  }
  get isWhole() {
    return this.start === 0;
  }

  // Text that follows; what is known already is left out.
  append(text: string, nextOffset: number) {
    if (nextOffset <= this.end) return;
    const before = this.lines.length;
    const parts = text.split("\n");
    const open = parts.pop() ?? "";
    parts.forEach((line, i) => this.push(line, i === 0 && this.partial));
    const continues = parts.length === 0 && this.partial;
    if (open !== "") this.push(open, continues);
    this.partial = open !== "" || continues;
    this.pieces.push({ from: this.end, lines: this.lines.length - before, size: text.length });
    this.end = nextOffset;
    this.letGo();
  }

  // Whole lines that come before, from `offset` on.
  prepend(text: string, offset: number) {
    const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n").flatMap(cut);
    // Spreading a long list into arguments overflows the stack.
    const rest = this.lines.splice(0);
    for (const line of lines) this.lines.push(line);
    for (const line of rest) this.lines.push(line);
    this.first -= lines.length;
    this.pieces.unshift({ from: offset, lines: lines.length, size: text.length });
  }

  private push(line: string, continues: boolean) {
    const whole = continues ? (this.lines.pop() ?? "") + line : line;
    for (const part of cut(whole)) this.lines.push(part);
  }

  private letGo() {
    let held = this.pieces.reduce((sum, p) => sum + p.size, 0);
    while (held > this.most && this.pieces.length > 1) {
      const piece = this.pieces.shift() as Piece;
      this.lines.splice(0, piece.lines);
      this.first += piece.lines;
      held -= piece.size;
    }
  }
}

function cut(line: string): string[] {
  if (line.length <= MOST_LINE) return [line];
  const parts: string[] = [];
  for (let at = 0; at < line.length; at += MOST_LINE) parts.push(line.slice(at, at + MOST_LINE));
  return parts;
}

// A part of a log up to `end` that was read from its middle begins within a line: that is left to the
// part before it. Answers the rest and where it begins. It is counted from the end: a part that
// begins within a character has lost some bytes of it.
export function wholeLines(text: string, offset: number, end: number): { text: string; offset: number } {
  if (offset === 0) return { text, offset };
  const rest = text.slice(text.indexOf("\n") + 1);
  return { text: rest, offset: end - bytes(rest) };
}

export interface LogPart {
  text: string;
  next: number;
}
export type ReadLog = (offset: number, limit: number) => Promise<LogPart>;

const MOST_READ = 1 << 20;

// Of very long logs the middle is kept nowhere: what is read there says so and goes on behind it.
const isHole = (part: LogPart, offset: number) =>
  part.text === `(${part.next - offset} bytes of the log are left out here)\n`;

// Reads what comes before `start`, about `size` bytes: `gap` is how many bytes before `offset` there
// are no more, and `from` where older text ends.
export async function readBefore(
  read: ReadLog,
  start: number,
  size: number,
): Promise<{ text: string; offset: number; gap: number }> {
  const from = Math.max(0, start - size);
  let offset = from;
  let hole = false;
  let text = "";
  let at = from;
  while (at < start) {
    const part = await read(at, Math.min(MOST_READ, start - at));
    if (part.next <= at) break;
    if (isHole(part, at)) {
      hole = true;
      text = "";
      offset = part.next;
    } else {
      text += part.text;
    }
    at = part.next;
  }
  if (hole) return { text: offset >= start ? "" : text, offset, gap: offset - (await holeStart(read, from)) };
  return { ...wholeLines(text, offset, at), gap: 0 };
}

// Where the hole begins that `inside` lies in: by halving, a few bytes at a time.
async function holeStart(read: ReadLog, inside: number): Promise<number> {
  let text = 0;
  let hole = inside;
  while (hole - text > 1) {
    const middle = Math.floor((text + hole) / 2);
    if (isHole(await read(middle, 1), middle)) hole = middle;
    else text = middle;
  }
  return hole;
}

// A search that goes on with what is new: lines are looked at once.
export class LogSearch {
  // Numbers of lines, see LogBuffer.first.
  hits: number[] = [];
  private low: number;
  private high: number;
  private readonly wanted: string;

  constructor(
    readonly query: string,
    private readonly buffer: LogBuffer,
  ) {
    this.wanted = query.toLowerCase();
    this.low = this.high = buffer.first;
  }

  // Looks at lines that came since; the last one may still have grown.
  update(): number[] {
    const { first, lines } = this.buffer;
    const end = first + lines.length;
    const found: number[] = [];
    const look = (from: number, to: number) => {
      for (let n = from; n < to; n++) if (this.matches(n)) found.push(n);
    };
    look(first, Math.min(this.low, end));
    for (const n of this.hits) if (n >= first && n < this.high - 1) found.push(n);
    look(Math.max(first, this.low, this.high - 1), end);
    this.hits = found;
    this.low = Math.min(this.low, first);
    this.high = Math.max(this.high, end);
    return this.hits;
  }

  private matches(n: number) {
    const line = this.buffer.lines[n - this.buffer.first] ?? "";
    return plainText(line).toLowerCase().includes(this.wanted);
  }
}
