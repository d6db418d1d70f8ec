import { termsOf } from "./filterTerms";

// The quick filters of the audit log, as parts of one AIP-160 filter.
export interface EventFilter {
  type?: string;
  actor?: string;
  resource?: string;
  // Moments as the API takes them.
  after?: string;
  before?: string;
  // What else the filter says; kept as it is.
  rest?: string;
}

const TERM = /^(type|actor|resource|time)\s*(=|>=|<)\s*"((?:[^"\\]|\\.)*)"$/;
const PLACES: Record<string, keyof EventFilter> = {
  "type=": "type",
  "actor=": "actor",
  "resource=": "resource",
  "time>=": "after",
  "time<": "before",
};

export function parseFilter(filter: string | undefined): EventFilter {
  const parts: EventFilter = {};
  const rest: string[] = [];
  // An OR outside of parentheses spans the whole filter: it is not taken apart.
  const terms = termsOf(filter ?? "");
  const whole = terms.some((t) => /(^|\s)OR\s/.test(t.replace(/"(?:[^"\\]|\\.)*"|\([^)]*\)/g, "")));
  for (const term of whole ? [filter ?? ""] : terms) {
    const [, field, operator, value] = TERM.exec(term) ?? [];
    const place = PLACES[`${field}${operator}`];
    if (place && value !== undefined && parts[place] === undefined) parts[place] = unescape(value);
    else rest.push(term);
  }
  if (rest.length > 0) parts.rest = rest.join(" AND ");
  return parts;
}

export function writeFilter(parts: EventFilter): string | undefined {
  const terms = Object.entries(PLACES).flatMap(([term, place]) => {
    const value = parts[place];
    const at = term.search(/[=<>]/);
    return value ? [`${term.slice(0, at)} ${term.slice(at)} "${escape(value)}"`] : [];
  });
  if (parts.rest) {
    // An OR binds looser than what it is joined with.
    terms.push(
      terms.length > 0 && /\sOR\s/.test(parts.rest) && !parts.rest.startsWith("(") ? `(${parts.rest})` : parts.rest,
    );
  }
  return terms.join(" AND ") || undefined;
}

const escape = (text: string) => text.replace(/["\\]/g, "\\$&");
const unescape = (text: string) => text.replace(/\\(.)/g, "$1");
