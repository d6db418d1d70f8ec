// How many there are of each, in the order given; what the order does not know comes last.
export function tally(values: string[], order: string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const place = (value: string) => (order.includes(value) ? order.indexOf(value) : order.length);
  return [...counts].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b));
}
