import { Anchor, Badge, Button, Group, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
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
import { projects as words } from "~/text/projects";

type Project = Schemas["Project"];
const LABELS_SHOWN = 3;

const columns: Column<Project>[] = [
  {
    key: "name",
    label: words.name,
    sortBy: "name",
    width: "1fr",
    render: (p) => (
      <Anchor component={Link} to={`/projects/${last(p.name)}`} inherit fw={600}>
        {last(p.name)}
      </Anchor>
    ),
  },
  { key: "title", label: words.displayName, width: "1.5fr", render: (p) => p.displayName },
  { key: "description", label: words.description, width: "2fr", optional: true, render: (p) => p.description },
  {
    key: "labels",
    label: words.labels,
    width: "1.5fr",
    optional: true,
    render: (p) => (
      <Group gap={4} wrap="nowrap">
        {Object.entries(p.labels)
          .slice(0, LABELS_SHOWN)
          .map(([key, value]) => (
            <Badge key={key} variant="default" tt="none" fw={500}>
              {key}={value}
            </Badge>
          ))}
      </Group>
    ),
  },
  { key: "created", label: words.created, width: "130px", optional: true, render: (p) => <Time at={p.createTime} /> },
];

export default function Projects() {
  const [search, setSearch] = useListSearch();
  const [creating, create] = useDisclosure();
  const may = useCan("", ["projects.create"])?.has("projects.create");
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects", { params: { query: listQuery(search) } });
  const button = may && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
      {words.create}
    </Button>
  );
  return (
    <Page title={words.title} actions={button}>
      <ResourceTable
        label={words.title}
        columns={columns}
        rows={data?.projects}
        rowKey={(p) => p.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty} />}
      />
      <Dialog title={words.create} opened={creating} onClose={create.close}>
        <CreateProject onClose={create.close} />
      </Dialog>
    </Page>
  );
}

function CreateProject({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const reread = useReread();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [description, setDescription] = useState("");
  const { submit, pending, error } = useSubmit(
    (body: Schemas["Project.Input"] & { id: string }, requestId) =>
      answerOf(
        api.POST("/v1/projects", {
          params: { query: { projectId: body.id, requestId } },
          body: { displayName: body.displayName, description: body.description },
        }),
      ),
    async (project) => {
      await reread("/v1/projects", "/v1/permissions");
      onClose();
      await navigate({ to: "/projects/$project", params: { project: last(project.name) } });
    },
  );
  return (
    <Form
      action={words.create}
      pending={pending}
      error={error}
      fields={["projectId", "displayName", "description"]}
      disabled={id.trim() === ""}
      onCancel={onClose}
      onSubmit={() => submit({ id: id.trim(), displayName, description })}
    >
      <TextInput
        label={words.id}
        description={words.idHelp}
        value={id}
        onChange={(e) => setId(e.currentTarget.value)}
        error={errorAt(error, "projectId")}
        autoComplete="off"
        spellCheck={false}
        required
        data-autofocus
      />
      <TextInput
        label={words.displayName}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
      />
      <Textarea
        label={words.description}
        value={description}
        onChange={(e) => setDescription(e.currentTarget.value)}
        error={errorAt(error, "description")}
        autosize
        minRows={2}
      />
    </Form>
  );
}
