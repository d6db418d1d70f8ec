import { Anchor, Group, Text, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { queries } from "~/api/client";
import { useNow } from "~/lib/clock";
import { last, stackIds } from "~/lib/names";
import { DAY_MS, ending } from "~/lib/stackFilters";
import { absolute, span } from "~/lib/time";
import { Panel } from "~/pages/overview/Panel";
import { refresh } from "~/pages/overview/refresh";
import { overviewText as text } from "~/text/overview";

const HOUR_MS = 3_600_000;

export function Leases() {
  const filter = ending();
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks",
    { params: { path: { project: "-" }, query: { filter, orderBy: "lease.end_time", pageSize: 8 } } },
    refresh,
  );
  return (
    <Panel
      title={text.leases}
      more={
        <Anchor
          size="sm"
          renderRoot={(props) => <Link {...props} to="/stacks" search={{ filter, orderBy: "lease.end_time" }} />}
        >
          {text.all}
        </Anchor>
      }
      rows={data?.stacks}
      rowKey={(s) => s.uid}
      render={(stack) => {
        const { project, stack: id } = stackIds(stack.name);
        return (
          <Group justify="space-between" gap="xs" wrap="nowrap">
            <Text size="sm" truncate style={{ minWidth: 0 }}>
              <Anchor component={Link} to={`/projects/${project}/stacks/${id}`} inherit fw={500}>
                {stack.displayName || id}
              </Anchor>{" "}
              <Text span inherit c="dimmed">
                {project} · {last(stack.creator)}
              </Text>
            </Text>
            <Countdown to={stack.lease?.endTime ?? ""} />
          </Group>
        );
      }}
      error={error}
      onRetry={() => void refetch()}
      empty={text.noLeases}
    />
  );
}

function Countdown({ to }: { to: string }) {
  const now = useNow();
  const left = Date.parse(to) - now;
  if (Number.isNaN(left) || left > DAY_MS + HOUR_MS) return null;
  return (
    <Tooltip label={absolute(to)}>
      <Text
        size="sm"
        fw={left < HOUR_MS ? 700 : undefined}
        component="time"
        dateTime={to}
        style={{ whiteSpace: "nowrap" }}
      >
        {left > 0 ? text.left(span(left / 1000)) : text.over}
      </Text>
    </Tooltip>
  );
}
