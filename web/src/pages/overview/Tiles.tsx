import { Paper, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { queries } from "~/api/client";
import { BUSY_STATES, FAILING, READY, UNDER_WAY, WAITING } from "~/lib/stackFilters";
import { refresh } from "~/pages/overview/refresh";
import { common } from "~/text/common";
import { overviewText as text } from "~/text/overview";

import classes from "./Panel.module.css";

const TILES = [
  { label: text.underWay, filter: UNDER_WAY, colour: "blue" },
  { label: text.waiting, filter: WAITING, colour: "yellow" },
  { label: text.ready, filter: READY, colour: "green" },
  { label: text.failing, filter: FAILING, colour: "red" },
];
// Counted up to here: the API tells no totals, and the first page must be light.
const MOST = 100;

// How many stacks there are in which state.
export function Tiles() {
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} role="group" aria-label={text.tiles}>
      {TILES.map((tile) => (
        <Tile key={tile.filter} {...tile} />
      ))}
    </SimpleGrid>
  );
}

function Tile({ label, filter, colour }: { label: string; filter: string; colour: string }) {
  const { data, error } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks",
    { params: { path: { project: "-" }, query: { filter, pageSize: MOST } } },
    refresh,
  );
  const count = data && text.count(data.stacks.length, data.nextPageToken !== "");
  const parts = BUSY_STATES.map((state) => ({
    state,
    count: data?.stacks.filter((s) => s.state === state).length ?? 0,
  }))
    .filter((p) => filter === UNDER_WAY && p.count > 0)
    .map((p) => text.of(p.count, common.states[p.state] ?? p.state));
  return (
    <Paper
      withBorder
      p="md"
      className={classes.tile}
      style={{ borderLeft: `4px solid var(--mantine-color-${colour}-filled)` }}
      renderRoot={(props) => <Link {...props} to="/stacks" search={{ filter }} />}
    >
      <Text size="sm">{label}</Text>
      {count === undefined && !error ? (
        <Skeleton height={32} width={48} my={4} />
      ) : (
        <Text fz={28} fw={700} lh={1.4}>
          {count ?? "?"}
        </Text>
      )}
      {parts.length > 0 && <Text size="xs">{parts.join(" · ")}</Text>}
    </Paper>
  );
}
