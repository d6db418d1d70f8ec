import { queries } from "~/api/client";
import { last, runIds } from "~/lib/names";
import { stackText } from "~/text/stack";

import { Ask } from "./Ask";
import { type Stack, useBegun } from "./calls";

const words = stackText.cancel;

// Stops the active run; one that was asked to stop before is killed.
export function CancelRun({ stack, onClose }: { stack: Stack; onClose: () => void }) {
  const path = runIds(stack.activeRun);
  const { data: run } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/runs/{run}", {
    params: { path },
  });
  const begun = useBegun(stack);
  const call = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}/runs/{run}:cancel", {
    onSuccess: () => {
      begun(stackText.begun.cancelRun);
      onClose();
    },
  });
  const kill = run?.cancelRequested === true;
  return (
    <Ask
      title={words.title(last(stack.activeRun))}
      action={kill ? words.kill : words.action}
      danger
      reason
      onClose={onClose}
      onConfirm={(reason) => call.mutate({ params: { path }, body: { reason } })}
      pending={call.isPending}
      error={call.error}
    >
      {kill ? words.again : words.text}
    </Ask>
  );
}
