// One line of a comparison.
export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
}

// The table of the middle part is at most this large; beyond it all counts as changed.
const MOST_CELLS = 2_000_000;

// What was removed and added between two texts, line by line, with as many lines kept as can be.
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

const same = (text: string): DiffLine => ({ kind: "same", text });
const added = (text: string): DiffLine => ({ kind: "added", text });
const removed = (text: string): DiffLine => ({ kind: "removed", text });

// By the longest common subsequence.
function middle(a: string[], b: string[]): DiffLine[] {
  const width = b.length + 1;
  if (a.length * width > MOST_CELLS) return [...a.map(removed), ...b.map(added)];
  const kept = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => kept[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      kept[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && left === right) {
      lines.push(same(left));
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(left));
      i++;
    } else {
      lines.push(added(right as string));
      j++;
    }
  }
  return lines;
}

// Lines to show, or how many unchanged ones were left out there.
export type Hunk = DiffLine | { kind: "skipped"; count: number };

// Leaves out what is unchanged and further than `context` lines from a change.
export function withContext(lines: DiffLine[], context: number): Hunk[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    if (line.kind === "same") return;
    near.fill(1, Math.max(0, i - context), Math.min(lines.length, i + context + 1));
  });
  const hunks: Hunk[] = [];
  let count = 0;
  const flush = () => {
    if (count > 0) hunks.push({ kind: "skipped", count });
    count = 0;
  };
  lines.forEach((line, i) => {
    if (near[i]) {
      flush();
      hunks.push(line);
    } else {
      count++;
    }
  });
  flush();
  return hunks;
}
