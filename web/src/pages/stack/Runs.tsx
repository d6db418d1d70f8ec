import { queries, type Schemas } from "~/api/client";
import { TextLink } from "~/components/Links";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last, runIds, stackIds } from "~/lib/names";
import { runSeconds } from "~/lib/stackState";
import { span } from "~/lib/time";
import { stackText } from "~/text/stack";

import type { Stack } from "./calls";

type Run = Schemas["Run"];
const words = stackText.runs;

const COLUMNS: Column<Run>[] = [
  {
    key: "run",
    label: words.run,
    width: "minmax(110px, 1fr)",
    render: (r) => (
      <TextLink to="/projects/$project/stacks/$stack/runs/$run" params={runIds(r.name)} inherit>
        {last(r.name)} · {words.types[r.type] ?? r.type}
      </TextLink>
    ),
  },
  {
    key: "state",
    label: words.state,
    width: "minmax(110px, 1fr)",
    render: (r) => <StateBadge state={r.state} size="sm" />,
  },
  { key: "revision", label: words.revision, width: "0.7fr", optional: true, render: (r) => r.revision },
  { key: "duration", label: words.duration, width: "0.8fr", render: (r) => <Duration run={r} /> },
  { key: "runner", label: words.runner, width: "1.3fr", optional: true, render: (r) => r.runner },
  { key: "time", label: words.time, width: "1fr", optional: true, render: (r) => <Time at={r.createTime} /> },
];

// All executions of Terraform for the stack.
export function Runs({ stack }: { stack: Stack }) {
  const [search, setSearch] = useListSearch();
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/runs", {
    params: { path: stackIds(stack.name), query: listQuery(search) },
  });
  return (
    <ResourceTable
      label={words.list}
      columns={COLUMNS}
      rows={data?.runs}
      rowKey={(r) => r.name}
      error={error}
      onRetry={() => void refetch()}
      nextPageToken={data?.nextPageToken}
      search={search}
      onSearch={setSearch}
      filterHelp={words.filterHelp}
      empty={<Empty title={words.none} />}
    />
  );
}

function Duration({ run }: { run: Run }) {
  const now = useNow();
  const seconds = runSeconds(run, now);
  if (seconds === undefined) return null;
  return <>{seconds < 1 ? "< 1 s" : span(seconds)}</>;
}
