import { Group, Text } from "@mantine/core";

import { queries } from "~/api/client";
import { Time } from "~/components/Time";
import { Panel } from "~/pages/overview/Panel";
import { aDayAgo, refresh } from "~/pages/overview/refresh";
import { RunLink } from "~/pages/overview/RunningNow";
import { overviewText as text } from "~/text/overview";

export function FailedRuns() {
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/runs",
    {
      params: {
        path: { project: "-", stack: "-" },
        query: { filter: `state = FAILED AND create_time > "${aDayAgo()}"`, orderBy: "create_time desc", pageSize: 8 },
      },
    },
    refresh,
  );
  return (
    <Panel
      title={text.failed}
      rows={data?.runs}
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
    />
  );
}
