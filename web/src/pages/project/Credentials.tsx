import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Dialog } from "~/components/FormDialog";
import { PlainTable } from "~/components/ResourceTable";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { projects } from "~/text/projects";

import { CredentialForm, kindOf } from "./CredentialForm";

type Credential = Schemas["Credential"];
const words = projects.credentials;
const CREDENTIALS = "/v1/projects/{project}/credentials";

export function Credentials({ project, can }: { project: string; can: Set<string> }) {
  const { data, error, refetch } = queries.useQuery("get", CREDENTIALS, {
    params: { path: { project }, query: { pageSize: 1000 } },
  });
  const [editing, edit] = useState<string>();
  const [removing, remove] = useState<Credential>();
  const credentials = data?.credentials;
  const create = can.has("credentials.create") && <Button onClick={() => edit("")}>{words.create}</Button>;
  const acts = can.has("credentials.update") || can.has("credentials.delete");

  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Text c="dimmed">{words.help}</Text>
        {credentials && credentials.length > 0 && create}
      </Group>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !credentials ? (
        <LoadingRows rows={3} />
      ) : credentials.length === 0 ? (
        <Empty {...words.empty} action={create} />
      ) : (
        <PlainTable
          label={words.label}
          head={[
            projects.name,
            words.kind,
            words.variables,
            words.providers,
            words.updated,
            ...(acts ? [projects.members.actions] : []),
          ]}
          rows={credentials.map((c) => [
            <Stack key="name" gap={0}>
              <Text size="sm" fw={600}>
                {last(c.name)}
              </Text>
              <Text size="sm">{c.displayName}</Text>
            </Stack>,
            words[kindOf(c)],
            <What key="what" credential={c} />,
            c.providers.length > 0 ? c.providers.join(", ") : words.allProviders,
            <Time key="time" at={c.updateTime} />,
            acts && (
              <Group key="actions" gap="xs" wrap="nowrap">
                {can.has("credentials.update") && (
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={words.editTitle(last(c.name))}
                    onClick={() => edit(c.name)}
                  >
                    {words.edit}
                  </Button>
                )}
                {can.has("credentials.delete") && (
                  <Button size="compact-xs" variant="subtle" color="red" onClick={() => remove(c)}>
                    {words.remove}
                  </Button>
                )}
              </Group>
            ),
          ])}
        />
      )}
      <Dialog
        title={editing ? words.editTitle(last(editing)) : words.create}
        opened={editing !== undefined}
        onClose={() => edit(undefined)}
        size="lg"
      >
        <CredentialForm
          project={project}
          credential={credentials?.find((c) => c.name === editing)}
          onClose={() => edit(undefined)}
        />
      </Dialog>
      <RemoveCredential project={project} credential={removing} onClose={() => remove(undefined)} />
    </Stack>
  );
}

function What({ credential }: { credential: Credential }) {
  const shown = credential.webIdentity
    ? [credential.webIdentity.roleArn, credential.webIdentity.region]
    : credential.podIdentity
      ? [credential.podIdentity.region]
      : Object.entries(credential.static?.variables ?? {}).map(([name, value]) => `${name}=${value}`);
  return (
    <Stack gap={2}>
      {shown.filter(Boolean).map((line) => (
        <Text key={line} size="sm" style={{ overflowWrap: "anywhere" }}>
          {line}
        </Text>
      ))}
      <Group gap={4}>
        {credential.static?.secretVariableNames.map((name) => (
          <Badge key={name} variant="default" tt="none" fw={500} size="sm">
            {name}=•••
          </Badge>
        ))}
      </Group>
    </Stack>
  );
}

function RemoveCredential(props: { project: string; credential: Credential | undefined; onClose: () => void }) {
  const { project, credential } = props;
  const reread = useReread();
  const { submit, pending, error, clear } = useSubmit(
    ({ name, etag }: { name: string; etag: string }, requestId) =>
      answerOf<unknown>(
        api.DELETE(`${CREDENTIALS}/{credential}`, {
          params: { path: { project, credential: last(name) }, query: { etag, requestId } },
        }),
      ),
    async () => {
      await reread(CREDENTIALS);
      notifications.show({ message: words.removed });
      props.onClose();
    },
  );
  return (
    <ConfirmTyped
      title={words.remove}
      word={last(credential?.name ?? "")}
      action={words.remove}
      opened={credential !== undefined}
      onClose={() => {
        clear();
        props.onClose();
      }}
      onConfirm={() => credential && submit({ name: credential.name, etag: credential.etag })}
      pending={pending}
      error={error}
    >
      <Text size="sm">{words.removeText}</Text>
    </ConfirmTyped>
  );
}
