// Resource names: `projects/web/stacks/shop`.

export const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);

// part("projects/web/stacks/shop", "projects") is "web"; "" where there is none.
export function part(name: string, collection: string): string {
  const parts = name.split("/");
  const at = parts.indexOf(collection);
  return at >= 0 && at % 2 === 0 ? (parts[at + 1] ?? "") : "";
}

// The ids in a stack's name, as the API's paths and the console's routes take them.
export const stackIds = (name: string) => ({ project: part(name, "projects"), stack: part(name, "stacks") });
export const runIds = (name: string) => ({ ...stackIds(name), run: part(name, "runs") });
export const requestIds = (name: string) => ({
  project: part(name, "projects"),
  changeRequest: part(name, "changeRequests"),
});
export const versionIds = (name: string) => ({
  template: part(name, "templates"),
  version: part(name, "versions"),
});
