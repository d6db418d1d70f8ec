import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { api, ApiError, queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Problem } from "~/components/States";
import { runIds } from "~/lib/names";
import { common } from "~/text/common";
import { runs as words } from "~/text/runs";

const text = words.cancel;

// As the server knows it now; where it cannot be asked, as it was.
async function isCancelled(run: Schemas["Run"]): Promise<boolean> {
  const answer = await api
    .GET("/v1/projects/{project}/stacks/{stack}/runs/{run}", { params: { path: runIds(run.name) } })
    .catch(() => undefined);
  return (answer?.data ?? run).cancelRequested;
}

// Ends a run: first in good order, and once that was asked, by force.
export function CancelRun({ run }: { run: Schemas["Run"] }) {
  const ids = runIds(run.name);
  const can = useCan(`projects/${ids.project}`, ["runs.cancel"]);
  const client = useQueryClient();
  const [opened, setOpened] = useState<"cancel" | "kill">();
  const [reason, setReason] = useState("");
  const { mutate, isPending, error, reset } = queries.useMutation(
    "post",
    "/v1/projects/{project}/stacks/{stack}/runs/{run}:cancel",
  );
  const [late, setLate] = useState(false);
  const [looking, setLooking] = useState(false);
  if (!can?.has("runs.cancel")) return null;

  const close = () => {
    setOpened(undefined);
    setLate(false);
    reset();
  };
  const send = (said: string) =>
    mutate(
      { params: { path: ids }, body: { reason: reason.trim() } },
      {
        onSuccess: () => {
          close();
          notifications.show({ message: said });
        },
        onSettled: () => void client.invalidateQueries({ queryKey: ["get"] }),
      },
    );
  // The same call kills a run that was cancelled already: that is never done without being asked for,
  // also where somebody else was quicker.
  const cancel = async () => {
    setLooking(true);
    const asked = await isCancelled(run).finally(() => setLooking(false));
    setLate(asked);
    if (!asked) send(text.sent);
    else void client.invalidateQueries({ queryKey: ["get"] });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isPending && !looking) void cancel();
  };
  // Who was slower than the run is told so.
  const over = error instanceof ApiError && error.reason === "WRONG_STATE";
  const trouble = late ? new Error(text.cancelled) : error === null ? undefined : over ? new Error(text.over) : error;
  return (
    <>
      <Button
        color="red"
        variant={run.cancelRequested ? "filled" : "light"}
        onClick={() => setOpened(run.cancelRequested ? "kill" : "cancel")}
      >
        {run.cancelRequested ? text.killAction : text.action}
      </Button>
      <Modal
        opened={opened === "cancel"}
        onClose={close}
        title={text.title}
        closeButtonProps={{ "aria-label": common.close }}
      >
        <form onSubmit={submit}>
          <Stack>
            <Text>{run.state === "QUEUED" ? text.queued : text.running}</Text>
            <Textarea
              label={text.reason}
              value={reason}
              onChange={(e) => setReason(e.currentTarget.value)}
              data-autofocus
              autosize
              minRows={2}
            />
            {trouble !== undefined && <Problem error={trouble} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {text.keep}
              </Button>
              <Button type="submit" color="red" loading={isPending || looking} disabled={late}>
                {text.action}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
      <ConfirmTyped
        title={text.killTitle}
        word={text.killWord}
        action={text.killAction}
        opened={opened === "kill"}
        onClose={close}
        onConfirm={() => send(text.killed)}
        pending={isPending}
        error={trouble}
      >
        <Text>{text.killText}</Text>
      </ConfirmTyped>
    </>
  );
}
