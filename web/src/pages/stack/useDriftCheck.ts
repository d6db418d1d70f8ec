import { queries } from "~/api/client";
import { stackIds } from "~/lib/names";
import { useRequestId } from "~/lib/requestId";
import { stackText } from "~/text/stack";

import { type Stack, useBegun } from "./calls";

interface Told {
  onMutate?: () => void;
  onError?: (error: unknown) => void;
}

// Compares the real resources with what was applied, now.
export function useDriftCheck(stack: Stack, told: Told = {}) {
  const begun = useBegun(stack);
  const { idFor, done } = useRequestId();
  const path = stackIds(stack.name);
  const { mutate, isPending, error } = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}:checkDrift", {
    ...told,
    onSuccess: () => {
      done();
      begun(stackText.begun.checkDrift);
    },
  });
  return { check: () => mutate({ params: { path }, body: { requestId: idFor(path) } }), isPending, error };
}
