import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";

import { ApiError, type Schemas } from "~/api/client";
import { stackIds } from "~/lib/names";
import type { Deed } from "~/lib/stackState";

export type Stack = Schemas["Stack"];
// What the state of the stack allows.
export type Deeds = ReadonlySet<Deed>;
// What the user may do with this stack.
export type Can = ReadonlySet<string>;

export const PERMISSIONS = [
  "stacks.update",
  "stacks.delete",
  "stacks.create",
  "stacks.revealOutputs",
  "runs.list",
  "runs.get",
  "runs.cancel",
  "changeRequests.get",
  "events.list",
  "states.get",
  "states.download",
  "states.write",
  "states.forceUnlock",
];

// Reads again what is shown of a stack, and of its project.
export function useReload(stack: Stack) {
  const client = useQueryClient();
  const ids = stackIds(stack.name);
  return () =>
    void client.invalidateQueries({
      predicate: ({ queryKey }) => {
        const init = queryKey[2] as { params?: { path?: Record<string, string> } } | undefined;
        const path = init?.params?.path;
        return path?.project === ids.project && (path.stack === undefined || path.stack === ids.stack);
      },
    });
}

// Says that something has begun, and shows what became of the stack.
export function useBegun(stack: Stack) {
  const reload = useReload(stack);
  return (message: string) => {
    notifications.show({ message });
    reload();
  };
}

export const isStale = (error: unknown) => error instanceof ApiError && error.reason === "ETAG_MISMATCH";

// What the server says of one field of a form.
export function faultOf(error: unknown, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  return error.problem?.errors?.find((e) => e.field === field || e.field.endsWith(`.${field}`))?.detail;
}
