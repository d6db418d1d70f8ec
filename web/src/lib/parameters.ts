import type { Schemas } from "~/api/client";
import { parameterText as text } from "~/text/parameters";

import { asNumber, converted, type CtyType, type Fault, isNull, parseType, same, textOf, typeFaults } from "./cty";

export type Parameter = Schemas["Parameter"];
export type Values = Record<string, unknown>;

// What reads in place of a secret.
export const MASKED = "(sensitive)";

// The parameters that people fill in.
export const asked = (parameters: Parameter[]) => parameters.filter((p) => !p.injected);

// What is wrong with the values of a request: everything at once, as the server would say it.
export function checkParameters(parameters: Parameter[], values: Values): Fault[] {
  const known = new Set(asked(parameters).map((p) => p.name));
  const faults = asked(parameters).flatMap((p) => {
    if (Object.hasOwn(values, p.name)) return valueFaults(p, values[p.name]);
    return p.required ? [{ path: p.name, text: text.missing }] : [];
  });
  const strangers = Object.keys(values).filter((name) => !known.has(name));
  return [...faults, ...strangers.map((name) => ({ path: name, text: text.unknown }))];
}

function valueFaults(parameter: Parameter, value: unknown): Fault[] {
  const path = parameter.name;
  if (isNull(value)) return parameter.nullable ? [] : [{ path, text: text.notNull }];
  // A secret that stays: only the server knows it. One that would be shown has to be entered anew.
  if (value === MASKED) return parameter.sensitive ? [] : [{ path, text: text.shownNow }];
  const type = parseType(parameter.typeJson);
  const faults = typeFaults(path, type, value);
  return faults.length > 0 ? faults : ruleFaults(parameter, type, value);
}

function ruleFaults(parameter: Parameter, type: CtyType, given: unknown): Fault[] {
  const value = converted(type, given);
  const faults: string[] = [];
  const { minimum, maximum, minLength, maxLength, pattern, allowedValues } = parameter;
  const number = asNumber(value);
  if (number !== undefined && minimum !== undefined && number < minimum) faults.push(text.atLeast(minimum));
  if (number !== undefined && maximum !== undefined && number > maximum) faults.push(text.atMost(maximum));
  const length = lengthOf(value);
  const unit = typeof value === "string" ? text.characters : text.units;
  if (length !== undefined && minLength !== undefined && length < minLength) faults.push(text.shorter(minLength, unit));
  if (length !== undefined && maxLength !== undefined && length > maxLength) faults.push(text.longer(maxLength, unit));
  if (pattern && typeof value === "string" && matches(pattern, value) === false) faults.push(text.pattern(pattern));
  if (allowedValues.length > 0 && !allowedValues.some((a) => same(converted(type, a), value))) {
    faults.push(text.oneOf(allowedValues.map(textOf).join(", ")));
  }
  return faults.map((fault) => ({ path: parameter.name, text: fault }));
}

// Characters as people count them, or elements.
function lengthOf(value: unknown): number | undefined {
  if (typeof value === "string") return [...value].length;
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : undefined;
}

// What RE2 reads otherwise than JavaScript does: classes by name, flags, anchors, escapes.
const RE2_ONLY = /\[\[?:|\(\?(?!:)|\\[pPzAQECax]/;

// Whether an RE2 expression matches a whole text; undefined where only the server can tell.
export function matches(pattern: string, value: string): boolean | undefined {
  if (RE2_ONLY.test(pattern)) return undefined;
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(value);
  } catch {
    return undefined;
  }
}

// What the form holds of one value while it is edited.
export type Draft =
  | { kind: "switch"; on: boolean }
  // One of optionsOf() as JSON; empty while nothing is chosen.
  | { kind: "choice"; json: string }
  | { kind: "text" | "number" | "secret" | "json"; text: string }
  | { kind: "list"; items: string[] }
  | { kind: "map"; entries: Entry[] };
export interface Entry {
  key: string;
  value: string;
}
export type Drafts = Record<string, Draft>;

export function optionsOf(parameter: Parameter): unknown[] {
  return parameter.allowedValues.length > 0 ? parameter.allowedValues : [true, false];
}

const isText = (value: unknown) => typeof value === "string" || typeof value === "number";
const isSimple = (type: CtyType | undefined): type is "string" | "number" => type === "string" || type === "number";
const pretty = (value: unknown) => (isNull(value) ? "" : JSON.stringify(value, null, 2));

// The draft of a value; of a parameter's default where there is none.
export function draftOf(parameter: Parameter, value: unknown): Draft {
  const type = parseType(parameter.typeJson);
  if (parameter.sensitive) return { kind: "secret", text: "" };
  const known = value === MASKED ? undefined : value;
  if (parameter.allowedValues.length > 0) {
    const option = parameter.allowedValues.find((a) => same(converted(type, a), converted(type, known)));
    return { kind: "choice", json: isNull(known) ? "" : JSON.stringify(option ?? known) };
  }
  if (type === "bool") {
    const on = converted(type, known);
    if (typeof on === "boolean" && typeof parameter.defaultValue === "boolean") return { kind: "switch", on };
    return { kind: "choice", json: isNull(on) ? "" : JSON.stringify(on) };
  }
  if (isSimple(type)) {
    return { kind: type === "number" ? "number" : "text", text: isNull(known) ? "" : textOf(known) };
  }
  if (Array.isArray(type) && (type[0] === "list" || type[0] === "set") && isSimple(type[1])) {
    const items = isNull(known) ? [] : known;
    if (Array.isArray(items) && items.every(isText)) return { kind: "list", items: items.map(textOf) };
  }
  if (Array.isArray(type) && type[0] === "map" && isSimple(type[1])) {
    const fields = Object.entries(isNull(known) ? {} : (known as Values));
    if (fields.every(([, v]) => isText(v))) {
      return { kind: "map", entries: fields.map(([key, v]) => ({ key, value: textOf(v) })) };
    }
  }
  return { kind: "json", text: pretty(known) };
}

// Drafts for all parameters: of the values that are there, else of the defaults.
export function draftsOf(parameters: Parameter[], values: Values = {}): Drafts {
  return Object.fromEntries(
    asked(parameters).map((p) => [p.name, draftOf(p, Object.hasOwn(values, p.name) ? values[p.name] : p.defaultValue)]),
  );
}

export type Read = { given: false } | { given: true; value: unknown } | { given: true; fault: string };

// The value that a draft stands for, in its own type.
export function readDraft(parameter: Parameter, draft: Draft): Read {
  const type = parseType(parameter.typeJson);
  // Nothing entered is nothing sent, except where emptiness differs from what would hold then.
  const empty = (value: unknown): Read =>
    isNull(parameter.defaultValue) && !(parameter.required && typeof value === "object")
      ? { given: false }
      : { given: true, value };
  switch (draft.kind) {
    case "switch":
      return { given: true, value: draft.on };
    case "choice":
      return draft.json === "" ? { given: false } : readJson(draft.json);
    case "number":
      if (draft.text.trim() === "") return { given: false };
      return { given: true, value: asNumber(draft.text) ?? draft.text };
    case "text":
      return draft.text === "" ? empty("") : { given: true, value: draft.text };
    case "secret":
      if (draft.text === "") return { given: false };
      return Array.isArray(type) || type === "dynamic"
        ? readJson(draft.text)
        : { given: true, value: converted(type, draft.text) };
    case "json":
      return draft.text.trim() === "" ? { given: false } : readJson(draft.text);
    case "list": {
      const element = elementOf(type);
      const items = draft.items.map((item) => converted(element, item));
      return items.length === 0 ? empty(items) : { given: true, value: items };
    }
    case "map":
      return readMap(elementOf(type), draft.entries, empty);
  }
}

const elementOf = (type: CtyType): CtyType =>
  Array.isArray(type) && type[0] !== "object" && type[0] !== "tuple" ? type[1] : "dynamic";

function readJson(json: string): Read {
  try {
    return { given: true, value: JSON.parse(json) as unknown };
  } catch {
    return { given: true, fault: text.json };
  }
}

function readMap(element: CtyType, entries: Entry[], empty: (value: unknown) => Read): Read {
  const seen = new Map<string, unknown>();
  for (const { key, value } of entries) {
    if (key === "" && value === "") continue;
    if (key === "") return { given: true, fault: text.noKey };
    if (seen.has(key)) return { given: true, fault: text.sameKey(key) };
    seen.set(key, converted(element, value));
  }
  const map = Object.fromEntries(seen);
  return seen.size === 0 ? empty(map) : { given: true, value: map };
}

// The values of a new stack, and all that is wrong with them. What is as the template has it anyway
// is left out, so that the stack goes with the template's defaults.
export function readNew(parameters: Parameter[], drafts: Drafts): { values: Values; faults: Fault[] } {
  const values: Values = {};
  const unread: Fault[] = [];
  for (const p of asked(parameters)) {
    const draft = drafts[p.name];
    const read: Read = draft ? readDraft(p, draft) : { given: false };
    if (!read.given) continue;
    if ("fault" in read) unread.push({ path: p.name, text: read.fault });
    else if (p.required || !same(read.value, p.defaultValue)) values[p.name] = read.value;
  }
  return { values, faults: withUnread(parameters, values, unread) };
}

// What is wrong, without rules for what could not be read.
function withUnread(parameters: Parameter[], values: Values, unread: Fault[]): Fault[] {
  const names = new Set(unread.map((f) => f.path));
  const rest = checkParameters(parameters, values).filter((f) => !names.has(nameOf(f.path)));
  const order = new Map(parameters.map((p, i) => [p.name, i]));
  const place = (f: Fault) => order.get(nameOf(f.path)) ?? parameters.length;
  return [...unread, ...rest].sort((a, b) => place(a) - place(b));
}

export interface Changes {
  // The new values; a name of `names` that is not here goes back to the default.
  values: Values;
  // What changes, by name.
  names: string[];
  faults: Fault[];
}

// What an edited form changes in a stack that has `held`. `before` are the drafts as they were
// filled in: what nobody touched stays as it is.
export function readChanges(parameters: Parameter[], held: Values, before: Drafts, drafts: Drafts): Changes {
  const known = new Set(asked(parameters).map((p) => p.name));
  const names = Object.keys(held).filter((name) => !known.has(name));
  const values: Values = {};
  const unread: Fault[] = [];
  for (const p of asked(parameters)) {
    const draft = drafts[p.name];
    if (!draft || same(draft, before[p.name])) continue;
    const read = readDraft(p, draft);
    if ("fault" in read) {
      unread.push({ path: p.name, text: read.fault });
      continue;
    }
    if (read.given ? same(read.value, held[p.name]) && Object.hasOwn(held, p.name) : !Object.hasOwn(held, p.name)) {
      continue;
    }
    names.push(p.name);
    if (read.given) values[p.name] = read.value;
  }
  const kept = Object.entries(held).filter(([name]) => !names.includes(name));
  return { values, names, faults: withUnread(parameters, { ...Object.fromEntries(kept), ...values }, unread) };
}

// The drafts with what was edited since. An edit that a parameter of another kind cannot take is left out.
export function edited(before: Drafts, edits: Drafts): Drafts {
  const drafts = { ...before };
  for (const [name, edit] of Object.entries(edits)) if (before[name]?.kind === edit.kind) drafts[name] = edit;
  return drafts;
}

// The parameter of a fault's path.
export const nameOf = (path: string) => /^[^.[]*/.exec(path)?.[0] ?? path;

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

// Faults by parameter, in words for a field.
export function byParameter(faults: Fault[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { path, text: words } of faults) {
    const name = nameOf(path);
    (found[name] ??= []).push(path === name ? capital(words) : `${path} ${words}`);
  }
  return found;
}
