import { Button, Group, Modal, NumberInput, Progress, Stack, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type FormEvent, useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { FormError } from "~/components/FormDialog";
import { TextLink } from "~/components/Links";
import { useNow } from "~/lib/clock";
import { last, requestIds, stackIds } from "~/lib/names";
import { countdown, hoursLeftToExtend, isGone, isSettled, leaseView } from "~/lib/stackState";
import { absolute } from "~/lib/time";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";
import { useRequestId } from "~/lib/requestId";

import { type Can, type Deeds, faultOf, type Stack as StackOf, useReload } from "./calls";

const words = stackText.lease;

interface Props {
  stack: StackOf;
  deeds: Deeds;
  can: Can;
  version: Schemas["TemplateVersion"] | undefined;
  // The request that the stack waits for.
  request: Schemas["ChangeRequest"] | undefined;
}

// How long the stack still lives, and how it lives longer.
export function Lease({ stack, deeds, can, version, request }: Props) {
  const now = useNow();
  const [asking, setAsking] = useState(false);
  const { lease } = stack;
  const view = leaseView(lease, now);
  const hours = hoursLeftToExtend(lease, version?.lease?.maxDuration);
  const waits = request?.type === "EXTENSION" ? request : undefined;
  const inUse = isSettled(stack) && view.phase !== "over" && view.phase !== "none";
  const mayAsk = inUse && !lease?.extended && hours !== 0 && deeds.has("extend") && can.has("stacks.update");

  if (isGone(stack)) return <Text size="sm">{words.gone}</Text>;
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600} role="timer" style={{ fontVariantNumeric: "tabular-nums" }} data-phase={view.phase}>
          {view.phase === "running" && words.left(countdown(view.secondsLeft))}
          {view.phase === "booked" && words.booked(countdown(view.secondsLeft))}
          {view.phase === "over" && words.over}
          {view.phase === "none" && words.none}
        </Text>
        {mayAsk && (
          <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
            {words.extend}
          </Button>
        )}
      </Group>
      {view.phase !== "none" && (
        <>
          <Progress value={view.elapsed * 100} color={view.low ? "red" : undefined} aria-label={words.bar} size="sm" />
          <Text size="xs" c="dimmed">
            {words.from} {absolute(lease?.startTime ?? "")}
            <br />
            {words.until} {absolute(lease?.endTime ?? "")}
          </Text>
        </>
      )}
      {waits && (
        <Text size="xs">
          {words.waits}{" "}
          <TextLink to="/projects/$project/changeRequests/$changeRequest" params={requestIds(waits.name)} inherit>
            {words.request(last(waits.name))}
          </TextLink>
        </Text>
      )}
      {inUse && lease?.extended && <Text size="xs">{words.extended}</Text>}
      {inUse && !lease?.extended && hours === 0 && <Text size="xs">{words.full}</Text>}
      {asking && <Extend stack={stack} version={version} most={hours} onClose={() => setAsking(false)} />}
    </Stack>
  );
}

const HOUR_MS = 3_600_000;

function Extend(props: {
  stack: StackOf;
  version: Schemas["TemplateVersion"] | undefined;
  most: number | undefined;
  onClose: () => void;
}) {
  const { stack, version, most } = props;
  const [hours, setHours] = useState<number | string>(Math.min(24, most ?? 24));
  const [reason, setReason] = useState("");
  const reload = useReload(stack);
  const { idFor } = useRequestId();
  const approval = version?.approval;
  const call = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}:extend", {
    onSuccess: (after) => {
      notifications.show({ message: after.lease?.extended ? words.done : words.asked });
      reload();
      props.onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { duration: `${Number(hours) * 3600}s`, reason: reason.trim() };
    call.mutate({ params: { path: stackIds(stack.name) }, body: { ...body, requestId: idFor(body) } });
  };
  const ofDuration = faultOf(call.error, "duration");
  const ofReason = faultOf(call.error, "reason");
  const wanted = Number(hours);
  const end = Date.parse(stack.lease?.endTime ?? "") + wanted * HOUR_MS;
  return (
    <Modal opened onClose={props.onClose} title={words.dialog} closeButtonProps={{ "aria-label": common.close }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">
            {words.once} {approval?.mode === "REQUIRED" && words.reviewed(approval.reviewerRole)}
            {approval?.mode === "AUTO" && words.notReviewed}
          </Text>
          <NumberInput
            label={words.hours}
            description={most === undefined ? undefined : words.atMost(most)}
            value={hours}
            onChange={setHours}
            min={1}
            max={most}
            allowDecimal={false}
            error={ofDuration}
            required
            data-autofocus
          />
          {wanted > 0 && Number.isFinite(end) && (
            <Text size="sm">
              {words.newEnd} <b>{absolute(new Date(end))}</b>
            </Text>
          )}
          <Textarea
            label={words.reason}
            description={words.reasonHelp}
            value={reason}
            onChange={(e) => setReason(e.currentTarget.value)}
            maxLength={1000}
            error={ofReason}
            autosize
            minRows={2}
            required
          />
          <FormError error={ofDuration || ofReason ? undefined : call.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onClose}>
              {common.cancel}
            </Button>
            <Button type="submit" loading={call.isPending} disabled={!(wanted > 0) || reason.trim() === ""}>
              {words.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
