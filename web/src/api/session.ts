import { queryOptions, useQueries } from "@tanstack/react-query";
import { useEffect } from "react";

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
export async function signInWithToken(token: string) {
  await call("POST", { token });
  tellTabs();
}
export async function signOut() {
  await call("DELETE");
  tellTabs();
}
export const signInAt = (issuer: string, returnTo: string) =>
  `/session/sign-in?${new URLSearchParams({ issuer, returnTo }).toString()}`;

// All tabs of a browser have one session. A channel is not told of what it sends itself, so there is one
// in a page.
let channel: BroadcastChannel | undefined;
const tabs = () => (channel ??= new BroadcastChannel("stackyard-session"));
interface Told {
  // Absent: whoever it is, it was changed.
  user?: string;
}
const tellTabs = (told: Told = {}) => tabs().postMessage(told);

// What a page shows is another's when somebody signs in or out in another tab: it is loaded anew. A
// sign-in with a provider ends on a new page, so each page says whose it is.
export function useOtherTabs(user?: string) {
  useEffect(() => {
    const heard = ({ data }: MessageEvent<Told>) => {
      if (data.user === undefined || (user !== undefined && data.user !== user)) location.reload();
    };
    tabs().addEventListener("message", heard);
    if (user !== undefined) tellTabs({ user });
    return () => tabs().removeEventListener("message", heard);
  }, [user]);
}

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
