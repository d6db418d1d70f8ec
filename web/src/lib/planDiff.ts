import type { Schemas } from "~/api/client";

import { type DiffLine, diffLines } from "./lineDiff";

export type Change = Schemas["ResourceChange"];
export type Attribute = Schemas["AttributeChange"];
export type Action = Change["action"];

// In the order of reading: what is made first, what is lost before it is forgotten.
export const ACTIONS = ["CREATE", "UPDATE", "REPLACE", "DELETE", "FORGET", "READ", "NO_OP"] as const;
export type ShownAction = (typeof ACTIONS)[number];

export interface Group {
  action: ShownAction;
  changes: Change[];
}

const byAddress = new Intl.Collator("en", { numeric: true });

// Changes by what is done, each group by address; `search` is a part of an address or a type.
export function groupChanges(changes: Change[], search = ""): Group[] {
  const wanted = search.trim().toLowerCase();
  const groups = new Map<ShownAction, Change[]>(ACTIONS.map((a) => [a, []]));
  for (const change of changes) {
    const found = change.address.toLowerCase().includes(wanted) || change.type.toLowerCase().includes(wanted);
    if (!found) continue;
    const action = change.action === "ACTION_UNSPECIFIED" ? "NO_OP" : change.action;
    groups.get(action)?.push(change);
  }
  return [...groups]
    .filter(([, found]) => found.length > 0)
    .map(([action, found]) => ({ action, changes: found.sort((a, b) => byAddress.compare(a.address, b.address)) }));
}

// One line of the list that is drawn.
export type Row =
  | { kind: "group"; key: string; action: ShownAction; count: number; open: boolean }
  | { kind: "resource"; key: string; action: ShownAction; change: Change; open: boolean }
  | { kind: "attribute"; key: string; action: ShownAction; attribute: Attribute };

// What is folded out: groups are open unless named, resources are closed unless named.
export interface Folds {
  closedGroups: ReadonlySet<ShownAction>;
  openResources: ReadonlySet<string>;
}

export const resourceKey = (action: ShownAction, address: string) => `${action} ${address}`;

export function rowsOf(groups: Group[], folds: Folds): Row[] {
  const rows: Row[] = [];
  for (const { action, changes } of groups) {
    const groupOpen = !folds.closedGroups.has(action);
    rows.push({ kind: "group", key: action, action, count: changes.length, open: groupOpen });
    if (!groupOpen) continue;
    for (const change of changes) {
      const key = resourceKey(action, change.address);
      const open = folds.openResources.has(key);
      rows.push({ kind: "resource", key, action, change, open });
      if (!open) continue;
      change.attributes.forEach((attribute, i) => {
        rows.push({ kind: "attribute", key: `${key} ${i}`, action, attribute });
      });
    }
  }
  return rows;
}

// One side of a change.
export type Side = { kind: "absent" } | { kind: "unknown" } | { kind: "text"; text: string };

// How a change of an attribute is shown.
export type AttributeView =
  | { kind: "sensitive" }
  | { kind: "sides"; before: Side; after: Side }
  | { kind: "lines"; lines: DiffLine[]; json: boolean; unknownAfter: boolean };

export function viewOf(attribute: Attribute): AttributeView {
  if (attribute.sensitive) return { kind: "sensitive" };
  const before = readable(attribute.beforeJson);
  const after = attribute.unknown ? undefined : readable(attribute.afterJson);
  const manyLines = [before, after].some((side) => side?.text.includes("\n"));
  const unknownAfter = attribute.unknown;
  if (!manyLines)
    return { kind: "sides", before: side(before), after: unknownAfter ? { kind: "unknown" } : side(after) };
  const json = (before?.json ?? true) && (after?.json ?? true);
  if (!before || !after) {
    const kind = before ? "removed" : "added";
    const lines = (before ?? after)?.text.split("\n").map((text): DiffLine => ({ kind, text })) ?? [];
    return { kind: "lines", json, unknownAfter, lines };
  }
  return { kind: "lines", json, unknownAfter, lines: diffLines(before.text, after.text) };
}

const side = (value: Readable | undefined): Side => (value ? { kind: "text", text: value.text } : { kind: "absent" });

interface Readable {
  text: string;
  // A list or an object, written out over lines.
  json: boolean;
}

// A value as people read it: structures over several lines, texts of several lines as they are.
function readable(json: string): Readable | undefined {
  if (json === "") return undefined;
  if (isStructure(json)) return { text: prettyJson(json), json: true };
  if (!json.startsWith('"')) return { text: json, json: false };
  const text = parsed(json);
  if (typeof text !== "string") return { text: json, json: false };
  if (isStructure(text) && parsed(text) !== undefined) return { text: prettyJson(text), json: true };
  // Quotes tell an empty text from nothing, and a text from a number.
  return { text: text.includes("\n") ? text : json, json: false };
}

const isStructure = (json: string) => /^\s*[[{]/.test(json);

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

// JSON with line ends and indents. Tokens stay as they are: a large number is not rounded.
export function prettyJson(json: string): string {
  const tokens = json.match(TOKENS) ?? [];
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, i) => {
    if (token === "{" || token === "[") {
      depth++;
      const empty = tokens[i + 1] === "}" || tokens[i + 1] === "]";
      out += empty ? token : token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      const empty = tokens[i - 1] === "{" || tokens[i - 1] === "[";
      out += empty ? token : line() + token;
    } else if (token === ",") {
      out += token + line();
    } else {
      out += token === ":" ? ": " : token;
    }
  });
  return out;
}

export type Counts = Pick<Schemas["Plan"], "toCreate" | "toUpdate" | "toReplace" | "toDestroy">;

// The counts in a request's summary, "1 to create, 0 to update, …"; nothing where it says no such
// thing.
export function countsOfSummary(summary: string): Counts | undefined {
  const found = new Map([...summary.matchAll(/(\d+) to (create|update|replace|destroy)/g)].map((m) => [m[2], m[1]]));
  if (found.size === 0) return undefined;
  const count = (word: string) => Number(found.get(word) ?? 0);
  return {
    toCreate: count("create"),
    toUpdate: count("update"),
    toReplace: count("replace"),
    toDestroy: count("destroy"),
  };
}
