import { Badge, Button, Group, Text } from "@mantine/core";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { PlanCounts } from "~/components/ActionMark";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last, stackIds } from "~/lib/names";
import { versionLabel } from "~/lib/stackState";
import { stackText } from "~/text/stack";

import type { Can, Deeds, Stack as StackOf } from "./calls";
import { RevisionCompare } from "./RevisionCompare";
import { RevisionDetails } from "./RevisionDetails";
import { Rollback } from "./Rollback";

type Revision = Schemas["Revision"];
const words = stackText.revisions;

// The steps in the stack's life: what each would do, what differs, and the way back.
export function Revisions({ stack, deeds, can }: { stack: StackOf; deeds: Deeds; can: Can }) {
  const [search, setSearch] = useListSearch();
  const [shown, setShown] = useState<string>();
  const [rollTo, setRollTo] = useState<string>();
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/revisions", {
    params: { path: stackIds(stack.name), query: listQuery(search) },
  });
  const mayRoll = deeds.has("rollback") && can.has("stacks.update");
  const canRollTo = (number: string) => mayRoll && number !== stack.appliedRevision;

  const columns: Column<Revision>[] = [
    {
      key: "number",
      label: words.number,
      width: "minmax(84px, 1fr)",
      render: (r) => (
        <Group gap={6} wrap="nowrap">
          {r.number}
          {r.number === stack.appliedRevision && (
            <Badge size="xs" variant="default" tt="none" style={{ flexShrink: 0 }}>
              {words.current}
            </Badge>
          )}
          {r.rollbackOf !== "0" && (
            <Text span size="xs" c="dimmed">
              {words.rollbackOf(r.rollbackOf)}
            </Text>
          )}
        </Group>
      ),
    },
    {
      key: "state",
      label: words.state,
      width: "minmax(96px, 0.7fr)",
      render: (r) => <StateBadge state={r.state} size="sm" />,
    },
    {
      key: "plan",
      label: words.plan,
      width: "minmax(90px, 0.7fr)",
      optional: true,
      render: (r) => r.plan && <PlanCounts counts={r.plan} short />,
    },
    {
      key: "version",
      label: words.version,
      width: "1fr",
      optional: true,
      render: (r) => versionLabel(r.templateVersion),
    },
    { key: "creator", label: words.creator, width: "0.7fr", optional: true, render: (r) => last(r.creator) },
    {
      key: "reason",
      label: words.reason,
      width: "1.3fr",
      optional: true,
      render: (r) => <span title={r.reason}>{r.reason}</span>,
    },
    {
      key: "time",
      label: words.time,
      width: "minmax(100px, 0.8fr)",
      optional: true,
      render: (r) => <Time at={r.createTime} />,
    },
    {
      key: "act",
      label: words.act,
      width: "72px",
      render: (r) => (
        <Button
          variant="default"
          size="compact-xs"
          onClick={() => setShown(r.number)}
          aria-label={words.showOne(r.number)}
        >
          {words.show}
        </Button>
      ),
    },
  ];
  const revisions = data?.revisions;
  const detailed = revisions?.find((r) => r.number === shown);
  return (
    <>
      {revisions && revisions.length > 0 && <RevisionCompare key={revisions[0]?.number} revisions={revisions} />}
      <ResourceTable
        label={words.list}
        columns={columns}
        rows={revisions}
        rowKey={(r) => r.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterable={false}
        empty={<Empty title={words.none} />}
      />
      <RevisionDetails
        revision={detailed}
        onClose={() => setShown(undefined)}
        onRollback={
          detailed && canRollTo(detailed.number)
            ? () => {
                setShown(undefined);
                setRollTo(detailed.number);
              }
            : undefined
        }
      />
      {rollTo && <Rollback stack={stack} revision={rollTo} onClose={() => setRollTo(undefined)} />}
    </>
  );
}
