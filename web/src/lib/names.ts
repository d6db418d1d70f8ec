// Resource names: `projects/web/stacks/shop`.

export const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
// part("projects/web/stacks/shop", "projects") is "web".
export function part(name: string, collection: string): string {
  const parts = name.split("/");
  const at = parts.indexOf(collection);
  return at >= 0 && at % 2 === 0 ? (parts[at + 1] ?? "") : "";
}
