import { queryOptions, useQueries } from "@tanstack/react-query";

import { CONSOLE_HEADER, errorOf, queries } from "./client";

export interface Session {
  signedIn: boolean;
  expireTime?: string;
  providers: { issuer: string; displayName: string }[];
  // What stands beside the console; absent where it is not set up.
  links?: { grafana?: string };
  // Why the last sign-in failed; told once.
  error?: string;
}

async function call(method: string, body?: unknown): Promise<Response> {
  const response = await fetch("/session", {
    method,
    headers: { ...CONSOLE_HEADER, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: async () => (await (await call("GET")).json()) as Session,
  staleTime: Infinity,
});
export const signInWithToken = (token: string) => call("POST", { token });
export const signOut = () => call("DELETE");
export const signInAt = (issuer: string, returnTo: string) =>
  `/session/sign-in?${new URLSearchParams({ issuer, returnTo }).toString()}`;

// Who is signed in.
export function useMe() {
  const { data } = queries.useQuery("get", "/v1/whoami", {}, { staleTime: 60_000 });
  return data;
}

// Which of some permissions the user has, on a resource or (with "") globally. Undefined while it is
// not known: what needs a permission is not shown until then. Where it cannot be asked there are none.
export function useCan(resource: string, permissions: string[]): Set<string> | undefined {
  const { data, isError } = queries.useQuery(
    "post",
    "/v1/permissions:test",
    { body: { resource, permissions } },
    { staleTime: 30_000 },
  );
  return data || isError ? new Set(data?.permissions) : undefined;
}

// On which of some resources the user has a permission. Undefined while it is not known.
export function useAllowed(resources: string[], permission: string): Set<string> | undefined {
  const tests = useQueries({
    queries: resources.map((resource) =>
      queries.queryOptions(
        "post",
        "/v1/permissions:test",
        { body: { resource, permissions: [permission] } },
        { staleTime: 30_000 },
      ),
    ),
  });
  if (tests.some((t) => t.isPending)) return undefined;
  return new Set(resources.filter((_, i) => tests[i]?.data?.permissions.includes(permission)));
}
