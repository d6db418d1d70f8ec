import { Alert, Badge, Button, Group, Text } from "@mantine/core";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { TextLink } from "~/components/Links";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { Empty, Problem } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last, runIds, stackIds } from "~/lib/names";
import { bytesOf, saveBlob } from "~/lib/saveBlob";
import { isSettled } from "~/lib/stackState";
import { bytes } from "~/lib/values";
import { stackText } from "~/text/stack";

import { type Can, type Stack as StackOf, useBegun } from "./calls";
import { ReasonInput } from "./ReasonInput";
import { StateLock } from "./StateLock";

type Version = Schemas["StateVersion"];
const words = stackText.state;

// The Terraform states of the stack, and who holds their lock.
export function State({ stack, can }: { stack: StackOf; can: Can }) {
  const [search, setSearch] = useListSearch();
  const [pending, setPending] = useState<string>();
  const [refused, setRefused] = useState<unknown>();
  const [rollTo, setRollTo] = useState<Version>();
  const path = stackIds(stack.name);
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/stateVersions", {
    params: { path, query: listQuery(search) },
  });
  const { data: newest } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/stateVersions", {
    params: { path, query: { pageSize: 1, filter: "draft = false" } },
  });
  const current = newest?.stateVersions[0]?.name;

  // Not by way of the query cache: a state holds secrets.
  const download = async (version: Version) => {
    setPending(version.name);
    setRefused(undefined);
    try {
      const { data: got } = await api.GET(
        "/v1/projects/{project}/stacks/{stack}/stateVersions/{stateVersion}:download",
        { params: { path: { ...path, stateVersion: last(version.name) } } },
      );
      if (got) {
        const blob = new Blob([bytesOf(got.state)], { type: "application/json" });
        saveBlob(blob, `${path.stack}-${version.serial}.tfstate`);
      }
    } catch (e) {
      setRefused(e);
    } finally {
      setPending(undefined);
    }
  };

  const columns: Column<Version>[] = [
    {
      key: "serial",
      label: words.serial,
      width: "minmax(90px, 0.7fr)",
      render: (v) => (
        <Group gap={6} wrap="nowrap">
          {v.serial}
          {v.name === current && (
            <Badge size="xs" variant="default" tt="none" style={{ flexShrink: 0 }}>
              {words.current}
            </Badge>
          )}
          {v.draft && (
            <Badge size="xs" variant="default" tt="none" title={words.draftHelp}>
              {words.draft}
            </Badge>
          )}
        </Group>
      ),
    },
    { key: "size", label: words.size, width: "0.7fr", optional: true, render: (v) => bytes(v.sizeBytes) },
    {
      key: "resources",
      label: words.resources,
      width: "0.7fr",
      optional: true,
      render: (v) => v.resourceCount.toLocaleString(),
    },
    { key: "by", label: words.by, width: "0.7fr", optional: true, render: (v) => last(v.creator) },
    {
      key: "run",
      label: words.run,
      width: "0.8fr",
      optional: true,
      render: (v) =>
        v.run ? (
          <TextLink to="/projects/$project/stacks/$stack/runs/$run" params={runIds(v.run)} inherit>
            {last(v.run)}
          </TextLink>
        ) : (
          words.outside
        ),
    },
    { key: "engine", label: words.engine, width: "0.7fr", optional: true, render: (v) => v.engineVersion },
    { key: "time", label: words.time, width: "1fr", optional: true, render: (v) => <Time at={v.createTime} /> },
    {
      key: "act",
      label: words.act,
      width: "minmax(200px, 1fr)",
      render: (v) => (
        <Group gap={4} wrap="nowrap">
          {can.has("states.download") && (
            <Button
              size="compact-xs"
              variant="default"
              loading={pending === v.name}
              onClick={() => void download(v)}
              aria-label={words.downloadOne(v.serial)}
            >
              {words.download}
            </Button>
          )}
          {can.has("states.write") && isSettled(stack) && v.name !== current && !v.draft && (
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => setRollTo(v)}
              aria-label={words.rollbackOne(v.serial)}
            >
              {words.rollback}
            </Button>
          )}
        </Group>
      ),
    },
  ];
  return (
    <>
      <StateLock stack={stack} can={can} />
      {refused !== undefined && <Problem error={refused} />}
      <ResourceTable
        label={words.versions}
        columns={columns}
        rows={data?.stateVersions}
        rowKey={(v) => v.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterable={false}
        empty={<Empty title={words.none} text={words.noneText} />}
      />
      {can.has("states.download") && (
        <Text size="xs" c="dimmed">
          {words.secrets}
        </Text>
      )}
      {rollTo && <RollbackState stack={stack} version={rollTo} onClose={() => setRollTo(undefined)} />}
    </>
  );
}

function RollbackState(props: { stack: StackOf; version: Version; onClose: () => void }) {
  const { stack, version, onClose } = props;
  const [reason, setReason] = useState("");
  const begun = useBegun(stack);
  const call = queries.useMutation(
    "post",
    "/v1/projects/{project}/stacks/{stack}/stateVersions/{stateVersion}:rollback",
    {
      onSuccess: () => {
        begun(stackText.begun.stateRollback);
        onClose();
      },
    },
  );
  const path = { ...stackIds(stack.name), stateVersion: last(version.name) };
  return (
    <ConfirmTyped
      title={words.rollbackTitle(version.serial)}
      word={last(stack.name)}
      action={words.rollback}
      opened
      onClose={onClose}
      onConfirm={() => call.mutate({ params: { path }, body: { reason: reason.trim() } })}
      pending={call.isPending}
      error={call.error}
    >
      <Alert color="orange">{words.rollbackText(version.serial)}</Alert>
      <ReasonInput value={reason} onChange={setReason} />
    </ConfirmTyped>
  );
}
