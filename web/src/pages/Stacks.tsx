import { Anchor, Button, Chip, Group, Text } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";

import { queries, type Schemas } from "~/api/client";
import { useMe } from "~/api/session";
import { Page } from "~/components/Page";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, type ListSearch, useListSearch } from "~/lib/listSearch";
import { perHour } from "~/lib/money";
import { last, stackIds, versionIds } from "~/lib/names";
import { ending, FAILING, hasPart, mine, toggled, UNDER_WAY, WAITING } from "~/lib/stackFilters";
import { stacksText as text } from "~/text/stacks";

type Stack = Schemas["Stack"];

const ENDED = "ended";
// A large page is read anew less often.
const EVERY_MS = 10_000;
const LARGE = 200;
const LARGE_EVERY_MS = 60_000;

const COLUMNS: Column<Stack>[] = [
  { key: "name", label: text.name, width: "minmax(140px, 2fr)", sortBy: "name", render: (s) => <Name stack={s} /> },
  { key: "project", label: text.project, optional: true, render: (s) => <ProjectLink stack={s} /> },
  {
    key: "template",
    label: text.template,
    optional: true,
    render: (s) => <TemplateLink stack={s} />,
  },
  { key: "state", label: text.state, width: "150px", render: (s) => <StateBadge state={s.state} size="sm" /> },
  {
    key: "leaseEnd",
    label: text.leaseEnd,
    width: "110px",
    sortBy: "lease.end_time",
    optional: true,
    render: (s) => <Time at={s.lease?.endTime} />,
  },
  {
    key: "cost",
    label: text.cost,
    width: "110px",
    optional: true,
    render: (s) => perHour(s.estimatedMicrosPerHour, s.currency) || text.none,
  },
  { key: "creator", label: text.creator, optional: true, render: (s) => last(s.creator) },
  {
    key: "updated",
    label: text.updated,
    width: "130px",
    sortBy: "update_time",
    optional: true,
    render: (s) => <Time at={s.updateTime} />,
  },
];

export default function Stacks() {
  const [search, setSearch] = useListSearch();
  const { tab }: { tab?: string } = useSearch({ strict: false });
  const showDeleted = tab === ENDED;
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks",
    { params: { path: { project: "-" }, query: { ...listQuery(search), showDeleted } } },
    {
      placeholderData: keepPreviousData,
      refetchInterval: (query) => ((query.state.data?.stacks.length ?? 0) > LARGE ? LARGE_EVERY_MS : EVERY_MS),
    },
  );
  return (
    <Page
      title={text.title}
      actions={
        <Button component={Link} to="/catalogue">
          {text.request}
        </Button>
      }
    >
      <ResourceTable
        label={text.label}
        columns={COLUMNS}
        rows={data?.stacks}
        rowKey={(s) => s.uid}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={text.filterHelp}
        tools={<Quick search={search} onSearch={setSearch} showDeleted={showDeleted} />}
        empty={
          <Empty
            title={text.empty}
            text={text.emptyText}
            action={
              <Button component={Link} to="/catalogue" variant="default">
                {text.request}
              </Button>
            }
          />
        }
      />
    </Page>
  );
}

interface QuickProps {
  search: ListSearch;
  onSearch: (next: ListSearch) => void;
  showDeleted: boolean;
}

function Quick({ search, onSearch, showDeleted }: QuickProps) {
  const me = useMe();
  const navigate = useNavigate();
  const parts = [
    ...(me?.user ? [{ label: text.mine, part: () => mine(me.user?.name ?? "") }] : []),
    { label: text.underWay, part: () => UNDER_WAY },
    { label: text.failing, part: () => FAILING },
    { label: text.waiting, part: () => WAITING },
    { label: text.ending, part: () => ending() },
  ];
  return (
    <Group gap={6} role="group" aria-label={text.quick}>
      {parts.map(({ label, part }) => (
        <Chip
          key={label}
          size="xs"
          checked={hasPart(search.filter, part())}
          onChange={() => onSearch({ ...search, filter: toggled(search.filter, part()), pageToken: undefined })}
        >
          {label}
        </Chip>
      ))}
      <Chip
        size="xs"
        checked={showDeleted}
        onChange={(on) =>
          void navigate({
            to: ".",
            search: (old: Record<string, unknown>) => ({ ...old, tab: on ? ENDED : undefined, pageToken: undefined }),
          })
        }
      >
        {text.ended}
      </Chip>
    </Group>
  );
}

function Name({ stack }: { stack: Stack }) {
  const { project, stack: id } = stackIds(stack.name);
  return (
    <>
      <Anchor component={Link} to={`/projects/${project}/stacks/${id}`} inherit fw={500}>
        {stack.displayName || id}
      </Anchor>
      {stack.displayName && (
        <Text span inherit c="dimmed">
          {" "}
          {id}
        </Text>
      )}
    </>
  );
}

function ProjectLink({ stack }: { stack: Stack }) {
  const { project } = stackIds(stack.name);
  return (
    <Anchor component={Link} to={`/projects/${project}`} inherit c="var(--mantine-color-text)">
      {project}
    </Anchor>
  );
}

function TemplateLink({ stack }: { stack: Stack }) {
  const { template, version } = versionIds(stack.templateVersion);
  return (
    <>
      <Anchor component={Link} to={`/catalogue/${template}`} inherit c="var(--mantine-color-text)">
        {template}
      </Anchor>
      <Text span inherit c="dimmed">
        {" "}
        {version}
      </Text>
    </>
  );
}
