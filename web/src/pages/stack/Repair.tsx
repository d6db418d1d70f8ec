import { queries } from "~/api/client";
import { stackIds } from "~/lib/names";
import { stackText } from "~/text/stack";
import { useRequestId } from "~/lib/requestId";

import { Ask } from "./Ask";
import { type Stack, useBegun } from "./calls";

const words = stackText.repair;

// Brings the real resources back to what was applied.
export function Repair({ stack, onClose }: { stack: Stack; onClose: () => void }) {
  const begun = useBegun(stack);
  const { idFor } = useRequestId();
  const call = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}:repairDrift", {
    onSuccess: () => {
      begun(stackText.begun.repairDrift);
      onClose();
    },
  });
  const path = stackIds(stack.name);
  return (
    <Ask
      title={words.title}
      action={words.action}
      onClose={onClose}
      onConfirm={() => call.mutate({ params: { path }, body: { requestId: idFor(path) } })}
      pending={call.isPending}
      error={call.error}
    >
      {words.text}
    </Ask>
  );
}
