import { Badge, Stack, Switch, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";

import { queries, type Schemas } from "~/api/client";
import { Amounts } from "~/components/Amounts";
import { ResourceLink } from "~/components/ResourceLink";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { useListSearch } from "~/lib/listSearch";
import { quota } from "~/text/quota";

type Reservation = Schemas["Reservation"];
const words = quota.reservations;
const MOST = 1000;

// Reservations by holder. The API has no filter for them yet: what is read is filtered here.
export function Holdings({ project }: { project: string }) {
  const [search, setSearch] = useListSearch();
  const { show } = useSearch({ strict: false });
  const navigate = useNavigate();
  const released = show === "released";
  const setReleased = (on: boolean) =>
    void navigate({
      to: ".",
      search: (old: Record<string, unknown>) => ({ ...old, show: on ? "released" : undefined }),
      resetScroll: false,
    });
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/quota/reservations", {
    params: { path: { project }, query: { pageSize: MOST } },
  });
  const sought = (search.filter ?? "").toLowerCase();
  const rows = data?.reservations
    .filter((r) => released || r.state !== "RELEASED")
    .filter((r) => `${r.holder} ${r.user}`.toLowerCase().includes(sought));

  const columns: Column<Reservation>[] = [
    {
      key: "holder",
      label: words.holder,
      width: "2fr",
      render: (r) => <ResourceLink name={r.holder} project={project} />,
    },
    { key: "user", label: words.user, width: "1fr", optional: true, render: (r) => r.user },
    { key: "amounts", label: words.amounts, width: "2fr", render: (r) => <Amounts amounts={r.amounts} /> },
    {
      key: "state",
      label: words.state,
      width: "150px",
      optional: true,
      render: (r) =>
        r.overReserved ? (
          <Badge color="red" variant="light" tt="none" styles={{ label: { color: "var(--mantine-color-text)" } }}>
            {words.overReserved}
          </Badge>
        ) : (
          <StateBadge state={r.state} size="sm" />
        ),
    },
    { key: "starts", label: words.begins, width: "130px", optional: true, render: (r) => <Time at={r.startTime} /> },
    { key: "ends", label: words.ends, width: "130px", optional: true, render: (r) => <Time at={r.endTime} /> },
  ];
  return (
    <Stack gap="xs">
      <ResourceTable
        label={words.label}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.name}
        error={error}
        onRetry={() => void refetch()}
        search={search}
        onSearch={setSearch}
        empty={<Empty title={words.empty} />}
        filterHelp={words.filter}
        tools={
          <Switch
            label={words.released}
            checked={released}
            onChange={(e) => setReleased(e.currentTarget.checked)}
            mb={6}
          />
        }
      />
      {data?.nextPageToken && (
        <Text size="sm" c="dimmed">
          {words.more}
        </Text>
      )}
    </Stack>
  );
}
