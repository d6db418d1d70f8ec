import { Alert, Badge, Button, Code, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Dialog, FormError } from "~/components/FormDialog";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { projects } from "~/text/projects";

import { ChannelForm } from "./ChannelForm";

type Channel = Schemas["NotificationChannel"];
const words = projects.channels;
const CHANNELS = "/v1/projects/{project}/channels";

interface Props {
  project: string;
  can: Set<string>;
}

export function Channels({ project, can }: Props) {
  const { data, error, refetch } = queries.useQuery("get", CHANNELS, {
    params: { path: { project }, query: { pageSize: 1000 } },
  });
  // "" is a new one; otherwise the name of the one that is changed.
  const [editing, edit] = useState<string>();
  const [removing, remove] = useState<Channel>();
  const channels = data?.notificationChannels;
  const edited = channels?.find((c) => c.name === editing);
  const create = can.has("channels.create") && <Button onClick={() => edit("")}>{words.create}</Button>;

  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Text c="dimmed">{words.help}</Text>
        {channels && channels.length > 0 && create}
      </Group>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !channels ? (
        <LoadingRows rows={3} />
      ) : channels.length === 0 ? (
        <Empty {...words.empty} action={create} />
      ) : (
        channels.map((c) => (
          <ChannelCard
            key={c.name}
            channel={c}
            project={project}
            can={can}
            onEdit={() => edit(c.name)}
            onRemove={() => remove(c)}
          />
        ))
      )}
      <Dialog
        title={editing ? words.editTitle(last(editing)) : words.create}
        opened={editing !== undefined}
        onClose={() => edit(undefined)}
      >
        <ChannelForm project={project} channel={edited} onClose={() => edit(undefined)} />
      </Dialog>
      <RemoveChannel project={project} channel={removing} onClose={() => remove(undefined)} />
    </Stack>
  );
}

interface CardProps extends Props {
  channel: Channel;
  onEdit: () => void;
  onRemove: () => void;
}

function ChannelCard({ channel, project, can, onEdit, onRemove }: CardProps) {
  const reread = useReread();
  const params = { path: { project, channel: last(channel.name) } };
  const [tested, setTested] = useState<Schemas["TestNotificationChannelResponse"]>();
  const test = useSubmit(
    (body: Schemas["TestNotificationChannelRequest"]) =>
      answerOf(api.POST(`${CHANNELS}/{channel}:test`, { params, body })),
    async (answer) => {
      setTested(answer);
      await reread(CHANNELS);
    },
  );
  const replay = useSubmit(
    (body: Schemas["ReplayNotificationChannelRequest"]) =>
      answerOf(api.POST(`${CHANNELS}/{channel}:replay`, { params, body })),
    async ({ queued }) => {
      notifications.show({ message: words.replayed(queued.toLocaleString()) });
      await reread(CHANNELS);
    },
  );
  const toggle = useSubmit(
    (body: { disabled: boolean; etag: string }, requestId) =>
      answerOf(
        api.PATCH(`${CHANNELS}/{channel}`, {
          params: { ...params, query: { updateMask: "disabled", requestId } },
          body,
        }),
      ),
    () => reread(CHANNELS),
  );
  const mayUpdate = can.has("channels.update");
  const title = channel.displayName || last(channel.name);

  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <Stack gap={2} style={{ minWidth: 0 }}>
            <Group gap="xs">
              <Title order={2} size="h5">
                {title}
              </Title>
              <Badge variant="default" tt="none">
                {channel.email ? words.email : words.webhook}
              </Badge>
              {channel.disabled && (
                <Badge
                  variant="light"
                  color="orange"
                  tt="none"
                  styles={{ label: { color: "var(--mantine-color-text)" } }}
                >
                  {words.disabledBadge}
                </Badge>
              )}
            </Group>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {channel.email ? channel.email.to.join(", ") : channel.webhook?.url}
            </Text>
          </Stack>
          <Group gap="xs">
            {mayUpdate && (
              <>
                <Button size="xs" variant="default" loading={test.pending} onClick={() => test.submit({})}>
                  {words.test}
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  loading={toggle.pending}
                  onClick={() => toggle.submit({ disabled: !channel.disabled, etag: channel.etag })}
                >
                  {channel.disabled ? words.enable : words.disable}
                </Button>
                <Button size="xs" variant="default" onClick={onEdit}>
                  {words.edit}
                </Button>
              </>
            )}
            {can.has("channels.delete") && (
              <Button size="xs" variant="subtle" color="red" onClick={onRemove}>
                {words.remove}
              </Button>
            )}
          </Group>
        </Group>
        <Group gap={6}>
          {channel.eventTypes.map((type) => (
            <Badge key={type} variant="default" tt="none" fw={500} size="sm">
              {type}
            </Badge>
          ))}
        </Group>
        {(channel.deadLetters > 0 || channel.lastError) && (
          <Alert color={channel.deadLetters > 0 ? "red" : "yellow"}>
            <Group justify="space-between">
              <Stack gap={2} style={{ minWidth: 0 }}>
                {channel.deadLetters > 0 && (
                  <Text size="sm" fw={600}>
                    {words.deadLetters(channel.deadLetters.toLocaleString())}
                  </Text>
                )}
                {channel.lastError && (
                  <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                    {words.lastError}: {channel.lastError}
                  </Text>
                )}
              </Stack>
              {mayUpdate && channel.deadLetters > 0 && (
                <Button size="xs" variant="default" loading={replay.pending} onClick={() => replay.submit({})}>
                  {words.replay}
                </Button>
              )}
            </Group>
          </Alert>
        )}
        <div aria-live="polite">
          {tested && (
            <Alert
              color={tested.delivered ? "green" : "red"}
              title={words.tested(tested.delivered)}
              withCloseButton
              onClose={() => setTested(undefined)}
            >
              {tested.message && <Code style={{ overflowWrap: "anywhere" }}>{tested.message}</Code>}
            </Alert>
          )}
        </div>
        <FormError
          error={test.error ?? replay.error ?? toggle.error}
          onReload={() => void reread(CHANNELS).then(toggle.clear)}
        />
      </Stack>
    </Paper>
  );
}

function RemoveChannel(props: { project: string; channel: Channel | undefined; onClose: () => void }) {
  const { project, channel } = props;
  const reread = useReread();
  const { submit, pending, error, clear } = useSubmit(
    ({ name, etag }: { name: string; etag: string }, requestId) =>
      answerOf<unknown>(
        api.DELETE(`${CHANNELS}/{channel}`, {
          params: { path: { project, channel: last(name) }, query: { etag, requestId } },
        }),
      ),
    async () => {
      await reread(CHANNELS);
      notifications.show({ message: words.removed });
      props.onClose();
    },
  );
  return (
    <ConfirmTyped
      title={words.remove}
      word={last(channel?.name ?? "")}
      action={words.remove}
      opened={channel !== undefined}
      onClose={() => {
        clear();
        props.onClose();
      }}
      onConfirm={() => channel && submit({ name: channel.name, etag: channel.etag })}
      pending={pending}
      error={error}
    >
      <Text size="sm">{words.removeText}</Text>
    </ConfirmTyped>
  );
}
