import { Badge, Button, Stack, Tabs, TagsInput, Text, TextInput, UnstyledButton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { Dialog, Form } from "~/components/FormDialog";
import { Page } from "~/components/Page";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { errorAt } from "~/lib/fieldErrors";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { AboutUser } from "~/pages/admin/AboutUser";
import { Members } from "~/pages/project/Members";
import { admin } from "~/text/admin";

type User = Schemas["User"];
const words = admin.users;
const USERS = "/v1/users";
const PERMISSIONS = ["users.create", "users.update", "bindings.list", "bindings.create", "bindings.delete"];

export default function Users() {
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const can = useCan("", PERMISSIONS) ?? new Set<string>();
  const [creating, create] = useState(false);
  const open = tab === "bindings" && can.has("bindings.list") ? "bindings" : "users";
  return (
    <Page
      title={words.title}
      actions={
        can.has("users.create") && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => create(true)}>
            {words.create}
          </Button>
        )
      }
    >
      <Tabs
        value={open}
        onChange={(next) => void navigate({ to: ".", search: { tab: next ?? undefined } })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="users">{words.tabs.users}</Tabs.Tab>
          {can.has("bindings.list") && <Tabs.Tab value="bindings">{words.tabs.bindings}</Tabs.Tab>}
        </Tabs.List>
        <Stack mt="md">
          <Tabs.Panel value="users">
            <UserList can={can} />
          </Tabs.Panel>
          <Tabs.Panel value="bindings">
            <Members project="" can={can} />
          </Tabs.Panel>
        </Stack>
      </Tabs>
      <Dialog title={words.create} opened={creating} onClose={() => create(false)}>
        <CreateUser onClose={() => create(false)} />
      </Dialog>
    </Page>
  );
}

function UserList({ can }: { can: Set<string> }) {
  const [search, setSearch] = useListSearch();
  const [about, setAbout] = useState<string>();
  const { data, error, refetch } = queries.useQuery("get", USERS, { params: { query: listQuery(search) } });
  const shown = data?.users.find((u) => u.name === about);
  const columns: Column<User>[] = [
    {
      key: "id",
      label: words.id,
      sortBy: "name",
      width: "1fr",
      render: (u) => (
        <UnstyledButton
          c="var(--mantine-color-anchor)"
          fw={600}
          fz="sm"
          onClick={() => setAbout(u.name)}
          title={words.open(last(u.name))}
        >
          {last(u.name)}
        </UnstyledButton>
      ),
    },
    { key: "name", label: words.name, width: "1.5fr", render: (u) => u.displayName },
    { key: "email", label: words.email, width: "1.5fr", optional: true, render: (u) => u.email },
    { key: "groups", label: words.groups, width: "1.5fr", optional: true, render: (u) => u.groups.join(", ") },
    {
      key: "state",
      label: words.state,
      width: "110px",
      render: (u) => (
        <Badge
          variant="light"
          color={u.suspended ? "red" : "green"}
          tt="none"
          styles={{ label: { color: "var(--mantine-color-text)" } }}
        >
          {u.suspended ? words.suspended : words.active}
        </Badge>
      ),
    },
    { key: "since", label: words.since, width: "130px", optional: true, render: (u) => <Time at={u.createTime} /> },
  ];
  return (
    <>
      <ResourceTable
        label={words.title}
        columns={columns}
        rows={data?.users}
        rowKey={(u) => u.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty} />}
      />
      <Dialog
        title={shown?.displayName || last(shown?.name ?? "")}
        opened={shown !== undefined}
        onClose={() => setAbout(undefined)}
        size="lg"
      >
        {shown && <AboutUser user={shown} can={can} />}
      </Dialog>
    </>
  );
}

function CreateUser({ onClose }: { onClose: () => void }) {
  const reread = useReread();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [email, setEmail] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const { submit, pending, error } = useSubmit(
    ({ userId, ...body }: Schemas["User.Input"] & { userId: string }, requestId) =>
      answerOf(api.POST(USERS, { params: { query: { userId, requestId } }, body })),
    async (user) => {
      await reread(USERS);
      notifications.show({ message: words.created(last(user.name)) });
      onClose();
    },
  );
  return (
    <Form
      action={words.create}
      pending={pending}
      error={error}
      fields={["userId", "displayName", "email", "groups"]}
      disabled={id.trim() === ""}
      onCancel={onClose}
      onSubmit={() => submit({ userId: id.trim(), displayName, email: email.trim(), groups })}
    >
      <Text size="sm" c="dimmed">
        {words.createHelp}
      </Text>
      <TextInput
        label={words.id}
        description={words.idHelp}
        value={id}
        onChange={(e) => setId(e.currentTarget.value)}
        error={errorAt(error, "userId")}
        autoComplete="off"
        spellCheck={false}
        required
        data-autofocus
      />
      <TextInput
        label={words.name}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
      />
      <TextInput
        label={words.email}
        value={email}
        onChange={(e) => setEmail(e.currentTarget.value)}
        error={errorAt(error, "email")}
        type="email"
      />
      <TagsInput
        label={words.groups}
        description={words.groupsHelp}
        value={groups}
        onChange={setGroups}
        error={errorAt(error, "groups")}
        acceptValueOnBlur
      />
    </Form>
  );
}
