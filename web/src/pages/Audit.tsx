import { Button, Group, Stack, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";

import { queries } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { useCan } from "~/api/session";
import { LiveState } from "~/components/LiveState";
import { Page } from "~/components/Page";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { useListSearch } from "~/lib/listSearch";
import { EventRow } from "~/pages/audit/EventRow";
import { Filters } from "~/pages/audit/Filters";
import { Verify } from "~/pages/audit/Verify";
import { audit as words } from "~/text/audit";
import { common } from "~/text/common";

const AT_A_TIME = 50;

export default function Audit() {
  const { project = "" } = useParams({ strict: false });
  const [search, setSearch] = useListSearch();
  const live = useLiveProject(project);
  const can = useCan(`projects/${project}`, ["events.verify"]);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = queries.useInfiniteQuery(
    "get",
    "/v1/projects/{project}/events",
    { params: { path: { project }, query: { pageSize: AT_A_TIME, filter: search.filter } } },
    {
      pageParamName: "pageToken",
      initialPageParam: "",
      getNextPageParam: (page) => page.nextPageToken || undefined,
    },
  );
  const events = data?.pages.flatMap((page) => page.events);
  const filterBy = (filter: string | undefined) => setSearch({ ...search, filter, pageToken: undefined });

  return (
    <Page
      title={words.title}
      subtitle={<LiveState state={live} />}
      crumbs={[
        { label: common.navigation.projects, to: "/projects" },
        { label: project, to: `/projects/${encodeURIComponent(project)}` },
      ]}
    >
      {can?.has("events.verify") && <Verify project={project} onShow={filterBy} />}
      <Filters key={search.filter ?? ""} project={project} filter={search.filter} onFilter={filterBy} />
      {error && !events ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !events ? (
        <LoadingRows rows={10} />
      ) : events.length === 0 && !hasNextPage ? (
        search.filter ? (
          <Empty
            title={words.noMatch}
            action={
              <Button variant="default" onClick={() => filterBy(undefined)}>
                {words.clear}
              </Button>
            }
          />
        ) : (
          <Empty {...words.empty} />
        )
      ) : (
        <Stack gap="md">
          <Stack gap={0} role="list" aria-label={words.label}>
            {events.map((event) => (
              <EventRow key={event.name} event={event} project={project} filter={search.filter} onFilter={filterBy} />
            ))}
          </Stack>
          <Group justify="center">
            {hasNextPage ? (
              <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                {words.older}
              </Button>
            ) : (
              <Text size="sm" c="dimmed">
                {!search.filter && words.end}
              </Text>
            )}
          </Group>
        </Stack>
      )}
    </Page>
  );
}
