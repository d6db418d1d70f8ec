import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "~/api/client";
import { Time } from "~/components/Time";
import { last, requestIds } from "~/lib/names";
import { Panel } from "~/pages/overview/Panel";
import { EVERY_MS } from "~/pages/overview/refresh";
import { useWaiting } from "~/pages/reviews/useWaiting";
import { overviewText as text } from "~/text/overview";

const MOST = 8;

export function ToReview() {
  const { rows, nextPageToken, error, refetch } = useWaiting({ pageSize: 200, enough: MOST, everyMs: EVERY_MS });
  return (
    <Panel
      title={text.reviews}
      more={
        <Anchor component={Link} to="/reviews" size="sm">
          {text.all}
        </Anchor>
      }
      rows={rows?.slice(0, MOST)}
      rowKey={(r) => r.name}
      render={(r) => <Row request={r} />}
      error={error}
      onRetry={() => void refetch()}
      empty={text.noReviews}
      cut={rows && rows.length < MOST && nextPageToken !== ""}
    />
  );
}

function Row({ request }: { request: Schemas["ChangeRequest"] }) {
  const { project, changeRequest } = requestIds(request.name);
  const what = request.stack ? last(request.stack) : project;
  return (
    <>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="sm" truncate style={{ minWidth: 0 }}>
          <Anchor component={Link} to={`/projects/${project}/changeRequests/${changeRequest}`} inherit fw={500}>
            {text.types[request.type] ?? request.type}: {what}
          </Anchor>{" "}
          <Text span inherit c="dimmed">
            {request.stack && project} {text.by(last(request.requester))}
          </Text>
        </Text>
        <Text size="sm" style={{ whiteSpace: "nowrap" }}>
          {text.expires} <Time at={request.expireTime} />
        </Text>
      </Group>
      <Text size="xs" lineClamp={1}>
        {request.summary}
      </Text>
    </>
  );
}
