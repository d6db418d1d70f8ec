import { Group, Text } from "@mantine/core";

import { useRuns } from "~/api/lists";
import { Time } from "~/components/Time";
import { Panel } from "~/pages/overview/Panel";
import { aDayAgo, EVERY_MS } from "~/pages/overview/refresh";
import { RunLink } from "~/pages/overview/RunningNow";
import { overviewText as text } from "~/text/overview";

const MOST = 8;
// Runs come by stack, not by time: so many are looked at for the newest.
const ENOUGH = 500;

export function FailedRuns() {
  const { data, error, refetch } = useRuns(
    { project: "-", stack: "-" },
    { filter: `state = FAILED AND create_time > "${aDayAgo()}"`, pageSize: 100 },
    { enough: (runs) => runs.length >= ENOUGH, everyMs: EVERY_MS },
  );
  const rows = data?.rows
    .toSorted((a, b) => Date.parse(b.createTime ?? "") - Date.parse(a.createTime ?? ""))
    .slice(0, MOST);
  return (
    <Panel
      title={text.failed}
      rows={rows}
      rowKey={(r) => r.name}
      render={(run) => (
        <>
          <Group justify="space-between" gap="xs" wrap="nowrap">
            <RunLink run={run} />
            <Text size="sm" style={{ whiteSpace: "nowrap" }}>
              <Time at={run.endTime || run.createTime} />
            </Text>
          </Group>
          {run.error?.message && (
            <Text size="xs" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
              {run.error.message}
            </Text>
          )}
        </>
      )}
      error={error}
      onRetry={() => void refetch()}
      empty={text.nothingFailed}
      cut={data && (data.nextPageToken !== "" || data.rows.length > MOST)}
    />
  );
}
