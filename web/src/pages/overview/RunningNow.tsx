import { Anchor, Group, Progress, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "~/api/client";
import { useRuns } from "~/api/lists";
import { StateBadge } from "~/components/StateBadge";
import { Time } from "~/components/Time";
import { runIds } from "~/lib/names";
import { Panel } from "~/pages/overview/Panel";
import { EVERY_MS } from "~/pages/overview/refresh";
import { overviewText as text } from "~/text/overview";

const MOST = 8;

export function RunningNow() {
  const { data, error, refetch } = useRuns(
    { project: "-", stack: "-" },
    { filter: "state = RUNNING OR state = QUEUED", pageSize: MOST },
    { enough: (runs) => runs.length >= MOST, everyMs: EVERY_MS },
  );
  const rows = data?.rows.slice(0, MOST);
  return (
    <Panel
      title={text.running}
      rows={rows}
      rowKey={(r) => r.name}
      render={(r) => <Row run={r} />}
      error={error}
      onRetry={() => void refetch()}
      empty={text.nothingRuns}
      cut={data && (data.nextPageToken !== "" || data.rows.length > MOST)}
    />
  );
}

function Row({ run }: { run: Schemas["Run"] }) {
  const { total = 0, done = 0 } = run.progress ?? {};
  return (
    <>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <RunLink run={run} />
        <Group gap="xs" wrap="nowrap">
          <Text size="sm" style={{ whiteSpace: "nowrap" }}>
            <Time at={run.startTime || run.createTime} />
          </Text>
          <StateBadge state={run.state} size="sm" />
        </Group>
      </Group>
      {total > 0 && (
        <Group gap="xs" mt={4} wrap="nowrap">
          <Progress value={(100 * done) / total} flex={1} aria-label={text.progress(done, total)} />
          <Text size="xs">{text.progress(done, total)}</Text>
        </Group>
      )}
    </>
  );
}

// A run by what it does, and to which stack.
export function RunLink({ run }: { run: Schemas["Run"] }) {
  const { project, stack, run: number } = runIds(run.name);
  return (
    <Text size="sm" truncate style={{ minWidth: 0 }}>
      <Anchor component={Link} to={`/projects/${project}/stacks/${stack}/runs/${number}`} inherit fw={500}>
        {text.types[run.type] ?? run.type} {stack}
      </Anchor>{" "}
      <Text span inherit c="dimmed">
        {project}
      </Text>
    </Text>
  );
}
