import { Anchor, Stack, Tabs, Text } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { useMe } from "~/api/session";
import { PlanCounts } from "~/components/ActionMark";
import { KeysHelp } from "~/components/KeysHelp";
import { Page } from "~/components/Page";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { perHour, perMonth } from "~/lib/money";
import { last, part, requestIds } from "~/lib/names";
import { countsOfSummary } from "~/lib/planDiff";
import { approvals, requestState } from "~/lib/review";
import { useShortcuts } from "~/lib/shortcuts";
import { useWaiting } from "~/pages/reviews/useWaiting";
import { reviews as words } from "~/text/reviews";

type Request = Schemas["ChangeRequest"];
type Tab = keyof typeof words.tabs;
const TABS = Object.keys(words.tabs) as Tab[];
const isTab = (value: unknown): value is Tab => TABS.some((t) => t === value);

// Streams are of one project each; a list over all is read anew now and then.
const EVERY_MS = 15_000;

// Puts the focus on the request before or after the one that has it.
function move(by: number) {
  const links = [...document.querySelectorAll<HTMLElement>("a[data-request]")];
  const now = links.findIndex((link) => link === document.activeElement);
  const next = links[now < 0 ? 0 : Math.min(links.length - 1, Math.max(0, now + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

export default function Reviews() {
  const { tab: asked } = useSearch({ strict: false });
  const tab = isTab(asked) ? asked : "waiting";
  const navigate = useNavigate();
  const me = useMe();
  const [help, setHelp] = useState(false);
  useShortcuts({
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    "?": () => setHelp(true),
  });

  return (
    <Page title={words.title} actions={<KeysHelp keys={words.listKeys} opened={help} onChange={setHelp} />}>
      <Tabs
        value={tab}
        onChange={(to) => void navigate({ to: ".", search: to === "waiting" ? {} : { tab: to ?? undefined } })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map((t) => (
            <Tabs.Tab
              key={t}
              value={t}
              // The arrows of this page are for its list; tabs have left and right.
              onKeyDown={(e) => (e.key === "ArrowDown" || e.key === "ArrowUp") && e.preventDefault()}
            >
              {words.tabs[t]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((t) => (
          <Tabs.Panel key={t} value={t}>
            {me?.user ? t === "waiting" ? <Waiting /> : <Listed tab={t} me={me} /> : <LoadingRows />}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}

const userOf = (me: Schemas["WhoAmIResponse"]) => me.user?.name ?? "";

// Open requests that one may decide on.
function Waiting() {
  const [search, onSearch] = useListSearch();
  const { filter, pageSize, pageToken } = listQuery(search);
  const { rows, nextPageToken, error, refetch } = useWaiting({
    filter,
    pageSize,
    pageToken,
    enough: pageSize,
    everyMs: EVERY_MS,
  });
  const whole = pageToken === undefined && nextPageToken === "";
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed" aria-live="polite">
        {rows && rows.length > 0 && whole && words.waitingCount(rows.length)}
        {rows?.length === 0 && nextPageToken !== "" && words.noneSoFar}
      </Text>
      <ResourceTable
        label={words.tabs.waiting}
        columns={columnsOf("waiting")}
        rows={rows}
        rowKey={(r) => r.name}
        error={error}
        onRetry={() => void refetch()}
        search={search}
        onSearch={onSearch}
        nextPageToken={nextPageToken}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty.waiting} />}
      />
    </Stack>
  );
}

function Listed({ tab, me }: { tab: "mine" | "decided"; me: Schemas["WhoAmIResponse"] }) {
  const [search, onSearch] = useListSearch();
  const base = tab === "mine" ? `requester = "${userOf(me)}"` : "state != PENDING";
  const filter = search.filter ? `${base} AND (${search.filter})` : base;
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/changeRequests",
    { params: { path: { project: "-" }, query: { ...listQuery(search), orderBy: undefined, filter } } },
    { refetchInterval: EVERY_MS },
  );
  return (
    <ResourceTable
      label={words.tabs[tab]}
      columns={columnsOf(tab)}
      rows={data?.changeRequests}
      rowKey={(r) => r.name}
      error={data ? undefined : error}
      onRetry={() => void refetch()}
      search={search}
      onSearch={onSearch}
      nextPageToken={data?.nextPageToken}
      filterHelp={words.filterHelp}
      empty={<Empty {...words.empty[tab]} />}
    />
  );
}

function columnsOf(tab: Tab): Column<Request>[] {
  const columns: (Column<Request> & { only?: Tab[] })[] = [
    {
      key: "request",
      label: words.columns.request,
      width: "minmax(140px, 3fr)",
      render: (r) => {
        const ids = requestIds(r.name);
        return (
          <Anchor
            component={Link}
            to={`/projects/${ids.project}/changeRequests/${ids.changeRequest}`}
            inherit
            data-request={r.name}
            title={r.reason || undefined}
          >
            {words.titles[r.type](last(r.stack), ids.project)}
          </Anchor>
        );
      },
    },
    {
      key: "state",
      label: words.columns.state,
      width: "130px",
      only: ["mine", "decided"],
      render: (r) => <StateBadge state={requestState(r)} size="sm" />,
    },
    {
      key: "plan",
      label: words.columns.plan,
      width: "minmax(110px, 2fr)",
      render: (r) => {
        const counts = countsOfSummary(r.summary);
        return counts ? <PlanCounts counts={counts} short /> : <span title={r.summary}>{r.summary}</span>;
      },
    },
    {
      key: "project",
      label: words.columns.project,
      width: "minmax(80px, 1fr)",
      optional: true,
      render: (r) => part(r.name, "projects"),
    },
    {
      key: "requester",
      label: words.columns.requester,
      width: "minmax(80px, 1fr)",
      optional: true,
      only: ["waiting", "decided"],
      render: (r) => last(r.requester),
    },
    {
      key: "age",
      label: words.columns.age,
      width: "130px",
      optional: true,
      render: (r) => <Time at={r.createTime} />,
    },
    {
      key: "expires",
      label: words.columns.expires,
      width: "110px",
      optional: true,
      only: ["waiting", "mine"],
      render: (r) => r.state === "PENDING" && <Time at={r.expireTime} />,
    },
    {
      key: "approvals",
      label: words.columns.approvals,
      width: "90px",
      optional: true,
      render: (r) => {
        const { given, needed } = approvals(r);
        return (
          <span title={words.approvals(given, needed, r.policy?.reviewerRole ?? "")}>
            {given} / {needed}
          </span>
        );
      },
    },
    {
      key: "price",
      label: words.columns.price,
      width: "90px",
      optional: true,
      render: (r) => (
        <span
          title={
            perMonth(r.estimatedMicrosPerHour, r.currency) &&
            words.aMonth(perMonth(r.estimatedMicrosPerHour, r.currency))
          }
        >
          {perHour(r.estimatedMicrosPerHour, r.currency)}
        </span>
      ),
    },
  ];
  return columns.filter((c) => !c.only || c.only.includes(tab));
}
