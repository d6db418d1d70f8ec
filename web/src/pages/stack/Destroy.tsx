import { Alert, Checkbox, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { FormError } from "~/components/FormDialog";
import { last, stackIds } from "~/lib/names";
import { stackText } from "~/text/stack";
import { useRequestId } from "~/lib/requestId";

import { isStale, type Stack, useBegun, useReload } from "./calls";
import { ReasonInput } from "./ReasonInput";

const words = stackText.destroy;

interface Props {
  stack: Stack;
  version: Schemas["TemplateVersion"] | undefined;
  onClose: () => void;
}

// The end of a stack: whether it is possible is asked first, then the stack's id.
export function Destroy({ stack, version, onClose }: Props) {
  const [abandon, setAbandon] = useState(false);
  const [reason, setReason] = useState("");
  // What was looked at: the server refuses where it changed since.
  const [etag, setEtag] = useState(stack.etag);
  const path = stackIds(stack.name);
  const begun = useBegun(stack);
  const reload = useReload(stack);
  const { idFor } = useRequestId();
  const reviewed = version?.approval?.reviewDestroy === true && stack.resourceCount > 0;

  const check = useQuery({
    queryKey: ["destroyable", stack.name, etag, abandon],
    queryFn: async () => {
      const query = { etag, abandon, validateOnly: true };
      await api.DELETE("/v1/projects/{project}/stacks/{stack}", { params: { path, query } });
      return true;
    },
    gcTime: 0,
    staleTime: Infinity,
    retry: false,
  });
  const call = queries.useMutation("delete", "/v1/projects/{project}/stacks/{stack}", {
    onSuccess: () => {
      begun(reviewed ? stackText.begun.destroyAsked : stackText.begun.destroy);
      onClose();
    },
  });
  const submit = () => {
    const query = { etag, abandon, reason: reason.trim() };
    call.mutate({ params: { path, query: { ...query, requestId: idFor(query) } } });
  };
  const error: unknown = call.error ?? check.error;
  return (
    <ConfirmTyped
      title={words.title(last(stack.name))}
      word={last(stack.name)}
      action={abandon ? words.confirmAbandon : words.confirm}
      opened
      onClose={onClose}
      onConfirm={submit}
      pending={call.isPending || check.isFetching}
      error={isStale(error) ? undefined : error}
    >
      <Text size="sm">{abandon ? words.abandonText(stack.resourceCount) : words.text(stack.resourceCount)}</Text>
      {reviewed && <Alert color="yellow">{words.review}</Alert>}
      {stack.resourceCount > 0 && (
        <Checkbox
          label={words.abandon}
          description={words.abandonHelp}
          checked={abandon}
          onChange={(e) => {
            setAbandon(e.currentTarget.checked);
            call.reset();
          }}
        />
      )}
      <ReasonInput value={reason} onChange={setReason} />
      {isStale(error) && (
        <FormError
          error={error}
          onReload={() => {
            setEtag(stack.etag);
            call.reset();
            reload();
          }}
        />
      )}
    </ConfirmTyped>
  );
}
