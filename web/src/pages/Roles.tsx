import { Accordion, Badge, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Dialog, Form } from "~/components/FormDialog";
import { Page } from "~/components/Page";
import { PermissionPicker, Permissions } from "~/components/PermissionPicker";
import { Failed, LoadingRows } from "~/components/States";
import { errorAt } from "~/lib/fieldErrors";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { admin } from "~/text/admin";

type Role = Schemas["Role"];
const words = admin.roles;
const ROLES = "/v1/roles";

export default function Roles() {
  const can = useCan("", ["roles.create", "roles.update", "roles.delete"]);
  const { data, error, refetch } = queries.useQuery("get", ROLES, { params: { query: { pageSize: 1000 } } });
  const [editing, edit] = useState<Role | "new">();
  const [removing, remove] = useState<Role>();
  const edited = editing === "new" ? undefined : editing;
  return (
    <Page
      title={words.title}
      actions={
        can?.has("roles.create") && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => edit("new")}>
            {words.create}
          </Button>
        )
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows />
      ) : (
        <Accordion variant="separated" multiple>
          {data.roles.map((r) => (
            <Accordion.Item key={r.name} value={r.name}>
              <Accordion.Control>
                <Group gap="sm">
                  <Text fw={600}>{last(r.name)}</Text>
                  <Text size="sm">{r.displayName}</Text>
                  {r.builtIn && (
                    <Badge variant="default" tt="none">
                      {words.builtIn}
                    </Badge>
                  )}
                  <Text size="sm" c="dimmed">
                    {r.permissions.includes("*") ? words.everything : words.count(r.permissions.length)}
                  </Text>
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <Stack gap="sm">
                  <Permissions value={r.permissions} />
                  {!r.builtIn && (
                    <Group gap="xs">
                      {can?.has("roles.update") && (
                        <Button size="xs" variant="default" onClick={() => edit(r)}>
                          {words.edit}
                        </Button>
                      )}
                      {can?.has("roles.delete") && (
                        <Button size="xs" variant="subtle" color="red" onClick={() => remove(r)}>
                          {words.remove}
                        </Button>
                      )}
                    </Group>
                  )}
                </Stack>
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
      <Dialog
        title={edited ? words.editTitle(last(edited.name)) : words.create}
        opened={editing !== undefined}
        onClose={() => edit(undefined)}
        size="xl"
      >
        <RoleForm role={edited} onClose={() => edit(undefined)} />
      </Dialog>
      <RemoveRole role={removing} onClose={() => remove(undefined)} />
    </Page>
  );
}

function RoleForm({ role, onClose }: { role: Role | undefined; onClose: () => void }) {
  const [base] = useState(role);
  const reread = useReread();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState(base?.displayName ?? "");
  const [permissions, setPermissions] = useState(base?.permissions ?? []);
  const { submit, pending, error } = useSubmit(
    ({ roleId, ...body }: Schemas["Role.Input"] & { roleId: string }, requestId) =>
      answerOf(
        base
          ? api.PATCH("/v1/roles/{role}", {
              params: { path: { role: last(base.name) }, query: { updateMask: "displayName,permissions", requestId } },
              body: { ...body, etag: base.etag },
            })
          : api.POST(ROLES, { params: { query: { roleId, requestId } }, body }),
      ),
    async () => {
      await reread(ROLES, "/v1/permissions");
      notifications.show({ message: words.saved });
      onClose();
    },
  );
  return (
    <Form
      action={base ? words.save : words.create}
      pending={pending}
      error={error}
      fields={["roleId", "displayName", "permissions"]}
      disabled={permissions.length === 0 || (!base && id.trim() === "")}
      onCancel={onClose}
      onReload={() => void reread(ROLES).then(onClose)}
      onSubmit={() => submit({ roleId: id.trim(), displayName, permissions })}
    >
      {!base && (
        <TextInput
          label={words.id}
          description={words.idHelp}
          value={id}
          onChange={(e) => setId(e.currentTarget.value)}
          error={errorAt(error, "roleId")}
          autoComplete="off"
          spellCheck={false}
          required
          data-autofocus
        />
      )}
      <TextInput
        label={words.name}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
      />
      <PermissionPicker value={permissions} onChange={setPermissions} error={errorAt(error, "permissions")} />
    </Form>
  );
}

function RemoveRole({ role, onClose }: { role: Role | undefined; onClose: () => void }) {
  const reread = useReread();
  const { submit, pending, error, clear } = useSubmit(
    ({ name, etag }: { name: string; etag: string }, requestId) =>
      answerOf<unknown>(
        api.DELETE("/v1/roles/{role}", { params: { path: { role: last(name) }, query: { etag, requestId } } }),
      ),
    async () => {
      await reread(ROLES);
      notifications.show({ message: words.removed });
      onClose();
    },
  );
  return (
    <ConfirmTyped
      title={words.remove}
      word={last(role?.name ?? "")}
      action={words.remove}
      opened={role !== undefined}
      onClose={() => {
        clear();
        onClose();
      }}
      onConfirm={() => role && submit({ name: role.name, etag: role.etag })}
      pending={pending}
      error={error}
    >
      <Text size="sm">{words.removeText}</Text>
    </ConfirmTyped>
  );
}
