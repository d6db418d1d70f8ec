// Values of outputs, parameters and attributes as text.

// A text as it is, anything else as JSON that people can read.
export function textOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const SHORT = 120;

// A value on one line, cut where it is long.
export function lineOf(value: unknown): { text: string; cut: boolean } {
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const line = text.split("\n", 1)[0] ?? "";
  if (line.length <= SHORT && line.length === text.length) return { text, cut: false };
  return { text: `${line.slice(0, SHORT)}…`, cut: true };
}

export const SECRET = "(sensitive)";

// The attributes of a resource by name; those without a value come last.
export function attributesOf(json: string): [string, unknown][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return [];
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return [];
  const empty = (value: unknown) => Number(value === null);
  return Object.entries(parsed).sort(([a, v], [b, w]) => empty(v) - empty(w) || (a < b ? -1 : 1));
}

export interface Difference {
  name: string;
  kind: "added" | "removed" | "changed" | "secret";
  before: unknown;
  after: unknown;
}

// JSON with its keys in order, so that equal values are equal texts.
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v,
  );
}

// What differs between two sets of values, by name. A secret reads the same whatever it is: one that
// both have is told as such, since nobody can see whether it changed.
export function differences(
  before: Record<string, unknown> | undefined,
  after: Record<string, unknown> | undefined,
): Difference[] {
  const old = new Map(Object.entries(before ?? {}));
  const now = new Map(Object.entries(after ?? {}));
  const found: Difference[] = [];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const values = { name, before: old.get(name), after: now.get(name) };
    if (!old.has(name)) found.push({ ...values, kind: "added" });
    else if (!now.has(name)) found.push({ ...values, kind: "removed" });
    else if (canonical(values.before) !== canonical(values.after)) found.push({ ...values, kind: "changed" });
    else if (canonical(values.after).includes(SECRET)) found.push({ ...values, kind: "secret" });
  }
  return found;
}

// Bytes as people read them: "7.2 KiB".
export function bytes(size: string | number): string {
  let left = Number(size);
  for (const unit of ["B", "KiB", "MiB"]) {
    if (left < 1024)
      return `${left.toLocaleString(undefined, { maximumFractionDigits: unit === "B" ? 0 : 1 })} ${unit}`;
    left /= 1024;
  }
  return `${left.toLocaleString(undefined, { maximumFractionDigits: 1 })} GiB`;
}
