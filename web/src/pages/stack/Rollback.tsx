import { useState } from "react";

import { queries } from "~/api/client";
import { stackIds } from "~/lib/names";
import { stackText } from "~/text/stack";
import { useRequestId } from "~/lib/requestId";

import { Ask } from "./Ask";
import { type Stack, useBegun, useReload } from "./calls";

const words = stackText.rollback;

// Makes a new revision from an old one.
export function Rollback(props: { stack: Stack; revision: string; onClose: () => void }) {
  const { stack, revision, onClose } = props;
  // What was looked at: the server refuses where it changed since.
  const [etag, setEtag] = useState(stack.etag);
  const begun = useBegun(stack);
  const reload = useReload(stack);
  const { idFor } = useRequestId();
  const call = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}:rollback", {
    onSuccess: () => {
      begun(stackText.begun.rollback);
      onClose();
    },
  });
  const submit = (reason: string) => {
    const body = { revision, etag, reason };
    call.mutate({ params: { path: stackIds(stack.name) }, body: { ...body, requestId: idFor(body) } });
  };
  return (
    <Ask
      title={words.title(revision)}
      action={words.action}
      reason
      onClose={onClose}
      onConfirm={submit}
      onReload={() => {
        setEtag(stack.etag);
        call.reset();
        reload();
      }}
      pending={call.isPending}
      error={call.error}
    >
      {words.text(revision)}
    </Ask>
  );
}
