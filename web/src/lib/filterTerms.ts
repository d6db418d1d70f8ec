// The terms that an AIP-160 filter joins by AND, outside of texts and parentheses.
export function termsOf(filter: string): string[] {
  const terms: string[] = [];
  let term = "";
  let depth = 0;
  for (const token of filter.match(/"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[()]|\s+|[^\s()"']+/g) ?? []) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (token === "AND" && depth === 0) {
      terms.push(term);
      term = "";
    } else {
      term += token;
    }
  }
  return [...terms, term].map((t) => t.trim()).filter(Boolean);
}
