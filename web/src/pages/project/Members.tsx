import { Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Dialog } from "~/components/FormDialog";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last } from "~/lib/names";
import { AddBinding, RemoveBinding } from "~/pages/project/BindingForms";
import { projects } from "~/text/projects";

type Binding = Schemas["Binding"];
const words = projects.members;

// Who has which role: of one project, or with "" everywhere.
export function Members({ project, can }: { project: string; can: Set<string> }) {
  const [search, setSearch] = useListSearch();
  const [adding, add] = useState(false);
  const [removing, remove] = useState<Binding>();
  const query = { pageSize: listQuery(search).pageSize, pageToken: search.pageToken, filter: search.filter };
  const ofProject = queries.useQuery(
    "get",
    "/v1/projects/{project}/bindings",
    { params: { path: { project }, query } },
    { enabled: project !== "" },
  );
  const everywhere = queries.useQuery("get", "/v1/bindings", { params: { query } }, { enabled: project === "" });
  const { data, error, refetch } = project === "" ? everywhere : ofProject;
  const columns: Column<Binding>[] = [
    { key: "member", label: words.member, width: "2fr", render: (b) => b.member },
    { key: "role", label: words.role, width: "1fr", render: (b) => last(b.role) },
    { key: "since", label: words.since, width: "140px", optional: true, render: (b) => <Time at={b.createTime} /> },
  ];
  if (can.has("bindings.delete")) {
    columns.push({
      key: "actions",
      label: words.actions,
      width: "100px",
      render: (b) => (
        <Button size="compact-xs" variant="subtle" color="red" onClick={() => remove(b)}>
          {words.remove}
        </Button>
      ),
    });
  }
  return (
    <Stack gap="sm">
      {project !== "" && <Text c="dimmed">{words.help}</Text>}
      <ResourceTable
        label={words.label}
        columns={columns}
        rows={data?.bindings}
        rowKey={(b) => b.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty} />}
        tools={
          can.has("bindings.create") && (
            <Group>
              <Button onClick={() => add(true)}>{words.add}</Button>
            </Group>
          )
        }
      />
      <Dialog title={words.add} opened={adding} onClose={() => add(false)}>
        <AddBinding project={project} onClose={() => add(false)} />
      </Dialog>
      <Dialog title={words.removeTitle} opened={removing !== undefined} onClose={() => remove(undefined)}>
        {removing && <RemoveBinding binding={removing} project={project} onClose={() => remove(undefined)} />}
      </Dialog>
    </Stack>
  );
}
