// Where a resource is shown in the console; undefined where it has no page.
export function pageOf(name: string): string | undefined {
  const parts = name.split("/");
  const [kind, id, sub, subId, leaf, leafId] = parts.map(encodeURIComponent);
  if (kind === "templates" && id) return `/catalogue/${id}`;
  if (kind !== "projects" || !id) return undefined;
  const project = `/projects/${id}`;
  switch (sub) {
    case undefined:
      return project;
    case "stacks":
      if (!subId) return undefined;
      return leaf === "runs" && leafId ? `${project}/stacks/${subId}/runs/${leafId}` : `${project}/stacks/${subId}`;
    case "changeRequests":
      return subId && `${project}/changeRequests/${subId}`;
    case "quota":
      return `${project}/quota`;
    case "channels":
    case "credentials":
    case "bindings":
      return project;
    default:
      return undefined;
  }
}

// As short as it can be told within a project: "stacks/shop".
export function shortName(name: string, project?: string): string {
  const prefix = `projects/${project ?? ""}/`;
  return project && name.startsWith(prefix) ? name.slice(prefix.length) : name;
}
