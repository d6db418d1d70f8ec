// Permissions that roles are made of, as the API's methods ask for them.
const VERBS: Record<string, string[]> = {
  bindings: ["create", "delete", "get", "list"],
  changeRequests: ["create", "get", "list", "review"],
  channels: ["create", "delete", "get", "list", "update"],
  configs: ["list"],
  credentials: ["create", "delete", "get", "list", "update"],
  denials: ["list"],
  documents: ["delete", "get", "list", "put"],
  events: ["list", "verify"],
  notifications: ["list", "update"],
  operations: ["cancel", "get"],
  projects: ["create", "delete", "get", "list", "update"],
  quota: ["get", "grants.create", "limits.set", "metrics.create"],
  roles: ["create", "delete", "get", "list", "update"],
  runs: ["cancel", "get", "list"],
  stacks: ["create", "delete", "get", "list", "revealOutputs", "update"],
  states: ["download", "forceUnlock", "get", "write"],
  templates: ["delete", "get", "list", "publish", "update"],
  tokens: ["create", "list", "revoke"],
  users: ["create", "delete", "get", "list", "update"],
};

export const KINDS = Object.keys(VERBS);
export const permissionsOf = (kind: string) => (VERBS[kind] ?? []).map((verb) => `${kind}.${verb}`);
export const PERMISSIONS = KINDS.flatMap(permissionsOf);

export interface KindGrant {
  kind: string;
  all: boolean;
  // Of the kind, without those that `all` includes anyway.
  permissions: string[];
}

// A role's permissions by kind, in the order of the alphabet: "stacks.*", "stacks.get".
export function byKind(permissions: string[]): KindGrant[] {
  const kinds = new Map<string, KindGrant>();
  for (const permission of [...permissions].sort()) {
    const kind = permission.split(".")[0] ?? permission;
    const grant = kinds.get(kind) ?? { kind, all: false, permissions: [] };
    if (permission === `${kind}.*`) grant.all = true;
    else grant.permissions.push(permission);
    kinds.set(kind, grant);
  }
  return [...kinds.values()].map((g) => (g.all ? { ...g, permissions: [] } : g));
}

// Whether a set of permissions includes one, by itself or by a wildcard.
export function includes(permissions: string[], one: string): boolean {
  return permissions.some((p) => p === "*" || p === one || (p.endsWith(".*") && one.startsWith(p.slice(0, -1))));
}

// Puts one in or takes it out. A wildcard takes the place of what it includes.
export function toggle(permissions: string[], one: string, on: boolean): string[] {
  if (!on) return permissions.filter((p) => p !== one);
  const kept = permissions.filter((p) => p !== one && !includes([one], p));
  return [...kept, one].sort();
}
