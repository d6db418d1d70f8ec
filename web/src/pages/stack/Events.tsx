import { Button, Group, Stack, Text, Timeline } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { TextLink } from "~/components/Links";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { last, part, requestIds, runIds, stackIds } from "~/lib/names";
import { inWords } from "~/lib/stackState";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

import type { Stack as StackOf } from "./calls";

const words = stackText.events;
const PAGE = 30;

// What happened to the stack, to its runs and to the requests about it.
const filterOf = (stack: string) => `resource = "${stack}" OR resource = "${stack}/*" OR details.stack = "${stack}"`;

// The stream of the project has the query read again, so what is new stands at the top by itself.
export function Events({ stack }: { stack: StackOf }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = queries.useInfiniteQuery(
    "get",
    "/v1/projects/{project}/events",
    {
      params: {
        path: { project: stackIds(stack.name).project },
        query: { pageSize: PAGE, filter: filterOf(stack.name) },
      },
    },
    {
      pageParamName: "pageToken",
      initialPageParam: "",
      getNextPageParam: (page: Schemas["ListEventsResponse"]) => page.nextPageToken || undefined,
    },
  );
  if (!data) return error ? <Failed error={error} onRetry={() => void refetch()} /> : <LoadingRows />;
  const events = data.pages.flatMap((p) => p.events);
  return (
    <Stack>
      {error && <Failed error={error} onRetry={() => void refetch()} />}
      {events.length === 0 && !hasNextPage ? (
        <Empty title={words.none} />
      ) : (
        <Timeline bulletSize={12} lineWidth={2} aria-label={words.list} role="feed">
          {events.map((e, i) => (
            <Timeline.Item
              key={e.name}
              role="article"
              aria-posinset={i + 1}
              aria-setsize={hasNextPage ? -1 : events.length}
              aria-label={e.message || e.type}
              color={e.toState === "FAILED" ? "red" : e.toState === "READY" ? "green" : undefined}
            >
              <Entry event={e} />
            </Timeline.Item>
          ))}
        </Timeline>
      )}
      {hasNextPage ? (
        <Group>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {words.older}
          </Button>
        </Group>
      ) : (
        events.length > PAGE && (
          <Text size="sm" c="dimmed">
            {words.all}
          </Text>
        )
      )}
    </Stack>
  );
}

function Entry({ event }: { event: Schemas["Event"] }) {
  return (
    <Stack gap={2}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {inWords(event.message) || event.type}
      </Text>
      <Group gap="xs">
        <Text size="xs" c="dimmed" component="div">
          <Time at={event.time} /> · {words.by} {last(event.actor)} · {event.type}
        </Text>
        <About resource={event.resource} />
        {event.toState && (
          <Text size="xs" component="div">
            {event.fromState && event.fromState !== event.toState && (
              <>{common.states[event.fromState] ?? event.fromState} → </>
            )}
            <b>{common.states[event.toState] ?? event.toState}</b>
          </Text>
        )}
      </Group>
    </Stack>
  );
}

function About({ resource }: { resource: string }) {
  if (part(resource, "runs")) {
    return (
      <TextLink to="/projects/$project/stacks/$stack/runs/$run" params={runIds(resource)} size="xs">
        {words.run(last(resource))}
      </TextLink>
    );
  }
  if (part(resource, "changeRequests")) {
    return (
      <TextLink to="/projects/$project/changeRequests/$changeRequest" params={requestIds(resource)} size="xs">
        {words.request(last(resource))}
      </TextLink>
    );
  }
  return null;
}
