import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconLock, IconLockOpen } from "@tabler/icons-react";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { TextLink } from "~/components/Links";
import { Problem } from "~/components/States";
import { Time } from "~/components/Time";
import { last, runIds, stackIds } from "~/lib/names";
import { runOfLock } from "~/lib/stackState";
import { stackText } from "~/text/stack";

import { type Can, type Stack as StackOf, useBegun } from "./calls";
import { ReasonInput } from "./ReasonInput";

const words = stackText.state;

// Who holds the lock, and how it is broken.
export function StateLock({ stack, can }: { stack: StackOf; can: Can }) {
  const [breaking, setBreaking] = useState<Schemas["StateLock"]>();
  const { data: lock, error } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/stateLock", {
    params: { path: stackIds(stack.name) },
  });
  if (!lock) return error ? <Problem error={error} /> : null;
  if (!lock.lockId) {
    return (
      <Group gap={6}>
        <IconLockOpen size={16} aria-hidden />
        <Text size="sm">{words.unlocked}</Text>
      </Group>
    );
  }
  const run = runOfLock(lock);
  return (
    <Alert
      color="yellow"
      icon={<IconLock aria-hidden />}
      title={run ? words.lockedByRun(last(run)) : words.lockedBy(last(lock.who))}
    >
      <Stack gap={4} align="flex-start">
        {run && (
          <TextLink
            to="/projects/$project/stacks/$stack/runs/$run"
            params={runIds(run)}
            size="sm"
            c="inherit"
            td="underline"
          >
            {stackText.waiting.openRun}
          </TextLink>
        )}
        {lock.createTime && (
          <Text size="sm" component="div">
            {words.lockSince} <Time at={lock.createTime} />
          </Text>
        )}
        <Detail label={words.operation} value={lock.operation} />
        <Detail label={words.lockInfo} value={lock.info} />
        {!run && <Detail label={words.lockId} value={lock.lockId} />}
        {!run && can.has("states.forceUnlock") && (
          <Button mt="xs" size="xs" color="red" variant="outline" onClick={() => setBreaking(lock)}>
            {words.unlock}
          </Button>
        )}
      </Stack>
      {breaking && <ForceUnlock stack={stack} lock={breaking} onClose={() => setBreaking(undefined)} />}
    </Alert>
  );
}

function Detail({ label, value }: { label: string; value: string }) {
  if (!value) return null;
  return (
    <Text size="sm" style={{ overflowWrap: "anywhere" }}>
      {label}: {value}
    </Text>
  );
}

function ForceUnlock(props: { stack: StackOf; lock: Schemas["StateLock"]; onClose: () => void }) {
  const { stack, lock, onClose } = props;
  const [reason, setReason] = useState("");
  const begun = useBegun(stack);
  const call = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}/stateLock:forceUnlock", {
    onSuccess: () => {
      begun(stackText.begun.unlock);
      onClose();
    },
  });
  // That lock and no other that is taken meanwhile.
  const body = { lockId: lock.lockId, reason: reason.trim() };
  return (
    <ConfirmTyped
      title={words.unlockTitle}
      word={words.word}
      action={words.unlock}
      opened
      onClose={onClose}
      onConfirm={() => call.mutate({ params: { path: stackIds(stack.name) }, body })}
      pending={call.isPending}
      error={call.error}
    >
      <Text size="sm">{words.unlockText(last(lock.who))}</Text>
      <ReasonInput value={reason} onChange={setReason} />
    </ConfirmTyped>
  );
}
