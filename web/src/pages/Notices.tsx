import { ActionIcon, Box, Button, Group, Indicator, SegmentedControl, Stack, Text, Tooltip } from "@mantine/core";
import { notifications as toasts } from "@mantine/notifications";
import { IconCheck } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";

import { api, queries, type Schemas } from "~/api/client";
import { useMe } from "~/api/session";
import { Page } from "~/components/Page";
import { ResourceLink } from "~/components/ResourceLink";
import { Empty, Failed, LoadingRows, Problem } from "~/components/States";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { account } from "~/text/account";

const words = account.notices;
const NOTICES = "/v1/users/{user}/notifications";
const AT_A_TIME = 50;
const EVERY_MS = 30_000;

export default function Notices() {
  const me = useMe();
  const user = me?.user ? last(me.user.name) : "";
  const { show } = useSearch({ strict: false });
  const navigate = useNavigate();
  const unread = show !== "all";
  const setUnread = (only: boolean) =>
    void navigate({ to: ".", search: { show: only ? undefined : "all" }, resetScroll: false });
  const reread = useReread();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = queries.useInfiniteQuery(
    "get",
    NOTICES,
    { params: { path: { user }, query: { pageSize: AT_A_TIME, filter: unread ? "read = false" : undefined } } },
    {
      enabled: user !== "",
      pageParamName: "pageToken",
      initialPageParam: "",
      getNextPageParam: (page) => page.nextPageToken || undefined,
      refetchInterval: EVERY_MS,
    },
  );
  const mark = useSubmit(
    // None named: all.
    (names: string[]) => answerOf(api.POST(`${NOTICES}:markRead`, { params: { path: { user } }, body: { names } })),
    async (_, names) => {
      await reread(NOTICES);
      if (names.length === 0) toasts.show({ message: words.marked });
    },
  );
  const notices = data?.pages.flatMap((page) => page.notifications);
  const someUnread = notices?.some((n) => !n.read) ?? false;

  return (
    <Page
      title={words.title}
      actions={
        <>
          <Button component={Link} to="/settings" variant="default">
            {words.settings}
          </Button>
          <Button disabled={!someUnread} loading={mark.pending} onClick={() => mark.submit([])}>
            {words.markAll}
          </Button>
        </>
      }
    >
      <Group>
        <SegmentedControl
          aria-label={words.show}
          value={unread ? "unread" : "all"}
          onChange={(next) => setUnread(next === "unread")}
          data={[
            { value: "unread", label: words.unread },
            { value: "all", label: words.all },
          ]}
        />
      </Group>
      {mark.error !== undefined && <Problem error={mark.error} />}
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !notices ? (
        <LoadingRows />
      ) : notices.length === 0 && !hasNextPage ? (
        unread ? (
          <Empty
            {...words.none}
            action={
              <Button variant="default" onClick={() => setUnread(false)}>
                {words.showAll}
              </Button>
            }
          />
        ) : (
          <Empty {...words.noneAtAll} />
        )
      ) : (
        <Stack gap={0} role="list" aria-label={words.title}>
          {notices.map((n) => (
            <Notice key={n.name} notice={n} onRead={() => mark.submit([n.name])} />
          ))}
        </Stack>
      )}
      {hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {words.older}
          </Button>
        </Group>
      )}
    </Page>
  );
}

function Notice({ notice, onRead }: { notice: Schemas["Notification"]; onRead: () => void }) {
  return (
    <Box role="listitem" py="sm" style={{ borderBottom: "1px solid var(--mantine-color-default-border)" }}>
      <Group gap="md" wrap="nowrap" align="flex-start" pl={10}>
        <Indicator disabled={notice.read} position="middle-start" offset={-10} size={8} flex={1} miw={0} zIndex={1}>
          <Stack gap={2}>
            <Group gap="sm" justify="space-between">
              <Text fw={notice.read ? 400 : 650} style={{ overflowWrap: "anywhere" }}>
                {notice.title}
              </Text>
              <Text size="sm" c="dimmed">
                <Time at={notice.createTime} />
              </Text>
            </Group>
            {notice.text && (
              <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                {notice.text}
              </Text>
            )}
            <Group gap="sm">
              <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                <ResourceLink name={notice.resource} />
              </Text>
              <Text size="sm" c="dimmed">
                {notice.eventType}
              </Text>
            </Group>
          </Stack>
        </Indicator>
        {!notice.read && (
          <Tooltip label={words.markOne(notice.title)}>
            <ActionIcon variant="default" aria-label={words.markOne(notice.title)} onClick={onRead}>
              <IconCheck size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </Box>
  );
}
