import { Badge, Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Dialog, FormError } from "~/components/FormDialog";
import { Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { AddBinding, RemoveBinding } from "~/pages/project/BindingForms";
import { admin } from "~/text/admin";
import { projects } from "~/text/projects";

type User = Schemas["User"];
type Binding = Schemas["Binding"];
const words = admin.users;
const USERS = "/v1/users";

// A user, their global roles, and how to shut them out.
export function AboutUser({ user, can }: { user: User; can: Set<string> }) {
  const facts = [
    [words.id, last(user.name)],
    [words.email, user.email],
    [words.groups, user.groups.join(", ")],
    [words.issuer, user.issuer || words.tokensOnly],
  ];
  return (
    <Stack gap="md">
      <Stack gap={4}>
        {facts
          .filter(([, value]) => value)
          .map(([label, value]) => (
            <Group key={label} gap="sm" wrap="nowrap">
              <Text size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>
                {label}
              </Text>
              <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                {value}
              </Text>
            </Group>
          ))}
        <Group gap="sm">
          <Text size="sm" c="dimmed" w={110}>
            {words.since}
          </Text>
          <Text size="sm">
            <Time at={user.createTime} />
          </Text>
        </Group>
      </Stack>
      {can.has("bindings.list") && <GlobalRoles user={user} can={can} />}
      {can.has("users.update") && <Suspension user={user} />}
    </Stack>
  );
}

function GlobalRoles({ user, can }: { user: User; can: Set<string> }) {
  const { data, error, refetch } = queries.useQuery("get", "/v1/bindings", { params: { query: { pageSize: 1000 } } });
  const [giving, give] = useState(false);
  const [taking, take] = useState<Binding>();
  const groups = new Set(user.groups.map((g) => `groups/${g}`));
  const bindings = data?.bindings.filter((b) => b.member === user.name || groups.has(b.member));
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {words.roles}
      </Title>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !bindings ? (
        <LoadingRows rows={2} />
      ) : bindings.length === 0 ? (
        <Text size="sm">{words.noRoles}</Text>
      ) : (
        bindings.map((b) => (
          <Group key={b.name} gap="sm">
            <Badge variant="default" tt="none">
              {last(b.role)}
            </Badge>
            {b.member === user.name ? (
              can.has("bindings.delete") && (
                <Button size="compact-xs" variant="subtle" color="red" onClick={() => take(b)}>
                  {projects.members.remove}
                </Button>
              )
            ) : (
              <Text size="sm" c="dimmed">
                {words.byGroup(b.member.slice("groups/".length))}
              </Text>
            )}
          </Group>
        ))
      )}
      {data?.nextPageToken && (
        <Text size="sm" c="dimmed">
          {words.more}
        </Text>
      )}
      <Text size="sm" c="dimmed">
        {words.rolesHelp}
      </Text>
      {can.has("bindings.create") && (
        <Group>
          <Button size="xs" variant="default" onClick={() => give(true)}>
            {words.give}
          </Button>
        </Group>
      )}
      <Dialog title={words.give} opened={giving} onClose={() => give(false)}>
        <AddBinding project="" member={{ kind: "users", id: last(user.name) }} onClose={() => give(false)} />
      </Dialog>
      <Dialog title={projects.members.removeTitle} opened={taking !== undefined} onClose={() => take(undefined)}>
        {taking && <RemoveBinding binding={taking} project="" onClose={() => take(undefined)} />}
      </Dialog>
    </Stack>
  );
}

function Suspension({ user }: { user: User }) {
  const id = last(user.name);
  const reread = useReread();
  const [asking, ask] = useState(false);
  const { submit, pending, error, clear } = useSubmit(
    (body: { suspended: boolean; etag: string }, requestId) =>
      answerOf(
        api.PATCH("/v1/users/{user}", {
          params: { path: { user: id }, query: { updateMask: "suspended", requestId } },
          body,
        }),
      ),
    async (_, { suspended }) => {
      await reread(USERS);
      notifications.show({ message: suspended ? words.done(id) : words.restored(id) });
      ask(false);
    },
  );
  return (
    <Stack gap="xs">
      {!asking && <FormError error={error} onReload={() => void reread(USERS).then(clear)} />}
      <Group>
        {user.suspended ? (
          <Button variant="default" loading={pending} onClick={() => submit({ suspended: false, etag: user.etag })}>
            {words.restore}
          </Button>
        ) : (
          <Button variant="outline" color="red" onClick={() => ask(true)}>
            {words.suspend}
          </Button>
        )}
      </Group>
      <ConfirmTyped
        title={words.suspendTitle(id)}
        word={id}
        action={words.suspend}
        opened={asking}
        onClose={() => {
          clear();
          ask(false);
        }}
        onConfirm={() => submit({ suspended: true, etag: user.etag })}
        pending={pending}
        error={error}
      >
        <Text size="sm">{words.suspendText}</Text>
      </ConfirmTyped>
    </Stack>
  );
}
