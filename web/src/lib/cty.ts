import { parameterText as text } from "~/text/parameters";

// Terraform's types as cty's JSON has them, and whether a value fits one. This mirrors the server's
// check (services/stacks/parameters.cc), so that all that is wrong is known before anything is sent.
export type Primitive = "string" | "number" | "bool" | "dynamic";
export type CtyType =
  Primitive | ["list" | "set" | "map", CtyType] | ["tuple", CtyType[]] | ["object", Record<string, CtyType>, string[]?];

export interface Fault {
  // Where: `rules[0].cidr`. It begins with the parameter's name.
  path: string;
  text: string;
}

// A type that does not parse takes everything; the server has the last word.
export function parseType(json: string): CtyType {
  try {
    return JSON.parse(json) as CtyType;
  } catch {
    return "dynamic";
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isNull = (value: unknown) => value === null || value === undefined;

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return text.found.list;
  if (isObject(value)) return text.found.object;
  if (typeof value === "boolean") return text.found.bool;
  if (typeof value === "number") return text.found.number;
  return typeof value === "string" ? text.found.string : text.found.null;
}

// "3" is a number, as Terraform has it.
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

// A value as text: strings as they are, all else as JSON.
export const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

// What Terraform makes of a value that fits a type.
export function converted(type: CtyType, value: unknown): unknown {
  if (isNull(value) || typeof value === "object") return value;
  if (type === "string") return textOf(value);
  if (type === "number") return asNumber(value) ?? value;
  if (type === "bool" && (textOf(value) === "true" || textOf(value) === "false")) return textOf(value) === "true";
  return value;
}

// Whether two JSON values are equal; keys have no order.
export function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => same(x, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
  }
  return a === b || (isNull(a) && isNull(b));
}

// What is wrong with the type of a value; nothing when it fits.
export function typeFaults(path: string, type: CtyType, value: unknown): Fault[] {
  // Null inside a collection is Terraform's "not given".
  if (isNull(value) || type === "dynamic") return [];
  const wrong = (expected: string): Fault[] => [{ path, text: text.wrongType(expected, kindOf(value)) }];
  if (typeof type === "string") return primitiveFaults(type, value, wrong);
  switch (type[0]) {
    case "list":
    case "set": {
      const element = type[1];
      if (!Array.isArray(value)) return wrong(text.expected.list);
      return value.flatMap((item, i) => typeFaults(`${path}[${i}]`, element, item));
    }
    case "tuple": {
      const elements = type[1];
      if (!Array.isArray(value)) return wrong(text.expected.list);
      if (value.length !== elements.length) return [{ path, text: text.elements(elements.length) }];
      return value.flatMap((item, i) => typeFaults(`${path}[${i}]`, elements[i] ?? "dynamic", item));
    }
    case "map": {
      const element = type[1];
      if (!isObject(value)) return wrong(text.expected.object);
      return Object.entries(value).flatMap(([key, item]) => typeFaults(`${path}.${key}`, element, item));
    }
    case "object": {
      const optional = new Set(type[2] ?? []);
      if (!isObject(value)) return wrong(text.expected.object);
      return Object.entries(type[1]).flatMap(([name, attribute]) => {
        if (Object.hasOwn(value, name)) return typeFaults(`${path}.${name}`, attribute, value[name]);
        return optional.has(name) ? [] : [{ path: `${path}.${name}`, text: text.missing }];
      });
    }
    default:
      return [];
  }
}

function primitiveFaults(type: Primitive, value: unknown, wrong: (expected: string) => Fault[]): Fault[] {
  if (typeof value === "number" && !Number.isFinite(value)) return wrong(text.expected.finite);
  if (type === "number" && asNumber(value) === undefined) return wrong(text.expected.number);
  if (type === "bool" && typeof value !== "boolean" && value !== "true" && value !== "false") {
    return wrong(text.expected.bool);
  }
  return type === "string" && typeof value === "object" ? wrong(text.expected.string) : [];
}
