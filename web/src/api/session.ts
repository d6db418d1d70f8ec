import { CONSOLE_HEADER, errorOf } from "./client";

export interface Session {
  signedIn: boolean;
  expireTime?: string;
  providers: { issuer: string; displayName: string }[];
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

export const readSession = async () => (await (await call("GET")).json()) as Session;
export const signInWithToken = (token: string) => call("POST", { token });
export const signOut = () => call("DELETE");
export const signInAt = (issuer: string, returnTo: string) =>
  `/session/sign-in?${new URLSearchParams({ issuer, returnTo })}`;
