import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { useRequestId } from "~/lib/requestId";

interface Submit<Body> {
  submit: (body: Body) => void;
  pending: boolean;
  error: unknown;
  clear: () => void;
}

// One submit of a form. The same body again is a retry and keeps its request id; another body is a new
// request. What comes back is handed on and kept nowhere, so that secrets may pass.
export function useSubmit<Body, Result>(
  work: (body: Body, requestId: string) => Promise<Result>,
  done: (result: Result, body: Body) => void | Promise<void>,
): Submit<Body> {
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const { idFor, done: forget } = useRequestId();

  const run = async (body: Body) => {
    setPending(true);
    setError(undefined);
    try {
      const result = await work(body, idFor(body));
      forget();
      await done(result, body);
    } catch (e) {
      setError(e);
    } finally {
      setPending(false);
    }
  };
  return { submit: (body) => void run(body), pending, error, clear: () => setError(undefined) };
}

// The body of an answer; `api` throws where there is none.
export async function answerOf<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

// Reads again every query whose path starts with one of these, as the API's paths are written.
export function useReread(): (...paths: string[]) => Promise<void> {
  const client = useQueryClient();
  return (...paths) =>
    client.invalidateQueries({
      predicate: ({ queryKey: [, path] }) => typeof path === "string" && paths.some((p) => path.startsWith(p)),
    });
}
