import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { queries, type Schemas } from "~/api/client";
import { useAllowed, useMe } from "~/api/session";
import { Time } from "~/components/Time";
import { last, part, requestIds } from "~/lib/names";
import { waitsFor } from "~/lib/toReview";
import { Panel } from "~/pages/overview/Panel";
import { refresh } from "~/pages/overview/refresh";
import { overviewText as text } from "~/text/overview";

const MOST = 8;

export function ToReview() {
  const me = useMe();
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/changeRequests",
    { params: { path: { project: "-" }, query: { filter: "state = PENDING", pageSize: 100 } } },
    refresh,
  );
  const mine = me && data?.changeRequests.filter((r) => waitsFor(r, me));
  const projects = [...new Set(mine?.map((r) => `projects/${part(r.name, "projects")}`))];
  const allowed = useAllowed(projects, "changeRequests.review");
  const rows = allowed && mine?.filter((r) => allowed.has(`projects/${part(r.name, "projects")}`));
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
