import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { last } from "~/lib/names";
import { useRequestId } from "~/lib/requestId";

// What the operation of a preview answers (StackPreview).
export interface StackPreview {
  plan?: Schemas["Plan"];
  fits?: boolean;
  shortfalls?: Schemas["Shortfall"][];
}
export interface Preview {
  start: (
    project: string,
    stack: Schemas["Stack.Input"] & { name?: string },
    onRefused: (error: unknown) => void,
  ) => void;
  running: boolean;
  // What goes on, as OperationMetadata has it.
  stage: string;
  found: StackPreview | undefined;
  error: unknown;
  failed: Schemas["Status"] | undefined;
  // What was checked is not what would be sent now.
  stale: (project: string, stack: Schemas["Stack.Input"]) => boolean;
}

const EVERY_MS = 600;
const keyOf = (project: string, stack: unknown) => JSON.stringify([project, stack]);

// Plans a stack without making it, and tells whether quota would admit it.
export function usePreview(): Preview {
  // Values may be secrets: nothing of them outlives the page.
  const begin = queries.useMutation("post", "/v1/projects/{project}/stacks:preview", { gcTime: 0 });
  const [checked, setChecked] = useState("");
  const { idFor: requestId } = useRequestId();
  const [attempt, setAttempt] = useState(0);
  const operation = begin.data?.name ? last(begin.data.name) : "";
  const watch = queries.useQuery(
    "get",
    "/v1/operations/{operation}",
    { params: { path: { operation } } },
    {
      enabled: operation !== "",
      gcTime: 0,
      refetchInterval: (query) => (query.state.data?.done || query.state.error ? false : EVERY_MS),
    },
  );
  const answer = operation === "" ? undefined : watch.data;
  return {
    start(project, stack, onRefused) {
      setChecked(keyOf(project, stack));
      setAttempt(attempt + 1);
      begin.mutate(
        {
          params: { path: { project } },
          // Each check is asked anew: quota and state move on.
          body: { stack, requestId: requestId([project, stack, attempt]) },
        },
        { onError: onRefused },
      );
    },
    running: begin.isPending || (operation !== "" && !answer?.done && !watch.error),
    stage: typeof answer?.metadata?.stage === "string" ? answer.metadata.stage : "QUEUED",
    found: answer?.done && !answer.error ? (answer.response as StackPreview | undefined) : undefined,
    error: begin.error ?? watch.error ?? undefined,
    failed: answer?.done ? answer.error : undefined,
    stale: (project, stack) => checked !== keyOf(project, stack),
  };
}
