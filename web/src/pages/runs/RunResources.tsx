import { Badge, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useMemo, useRef, useState } from "react";

import { ActionMark } from "~/components/ActionMark";
import { Empty } from "~/components/States";
import { useNow } from "~/lib/clock";
import type { ShownAction } from "~/lib/planDiff";
import {
  countPhases,
  type Phase,
  type ResourceRow,
  rowSeconds,
  rowsInOrder,
  type RunProgress,
} from "~/lib/runProgress";
import { length } from "~/lib/time";
import { plan as planWords } from "~/text/plan";
import { runs } from "~/text/runs";

import classes from "./RunResources.module.css";

const words = runs.resources;
const ROW_PX = 36;
const PHASES: Phase[] = ["ERRORED", "RUNNING", "LOST", "PLANNED", "DONE"];
const COLOURS: Record<Phase, string> = {
  ERRORED: "red",
  RUNNING: "blue",
  LOST: "orange",
  PLANNED: "gray",
  DONE: "green",
};

// A row for each resource that the run comes to: what needs an eye first.
export function RunResources({ progress, ended }: { progress: RunProgress; ended: boolean }) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<Phase | "ALL">("ALL");
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const all = useMemo(() => rowsInOrder(progress, ended), [progress, ended]);
  const counts = useMemo(() => countPhases(all), [all]);
  const rows = useMemo(
    () => all.filter((r) => (shown === "ALL" || r.phase === shown) && r.address.toLowerCase().includes(wanted)),
    [all, shown, wanted],
  );
  if (all.length === 0) return <Empty {...(ended ? words.emptyEnded : words.empty)} />;
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <TextInput
          aria-label={words.search}
          placeholder={words.search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(e) => setSearch(e.currentTarget.value)}
          spellCheck={false}
          style={{ flex: "1 1 220px" }}
        />
        <SegmentedControl
          aria-label={words.show}
          size="xs"
          value={shown}
          onChange={(to) => setShown(to as Phase | "ALL")}
          className={classes.phases}
          data={[
            { value: "ALL", label: `${words.all} ${all.length.toLocaleString()}` },
            ...PHASES.filter((p) => counts[p] > 0 || p === shown).map((p) => ({
              value: p,
              label: `${words.phases[p]} ${counts[p].toLocaleString()}`,
            })),
          ]}
        />
      </Group>
      {rows.length === 0 ? <Text c="dimmed">{words.nothingFound}</Text> : <Rows rows={rows} />}
    </Stack>
  );
}

function Rows({ rows }: { rows: ResourceRow[] }) {
  const now = useNow();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const head = [words.address, words.action, words.phase, words.time, words.id];
  return (
    <div
      ref={scroll}
      className={classes.scroll}
      role="table"
      aria-label={words.label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
    >
      <div role="rowgroup" className={classes.head}>
        <div role="row" className={classes.row} aria-rowindex={1}>
          {head.map((label) => (
            <div
              key={label}
              role="columnheader"
              className={label === words.id ? classes.id : label === words.action ? classes.actionHead : undefined}
            >
              {label}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index] as ResourceRow;
          const action: ShownAction = row.action === "ACTION_UNSPECIFIED" ? "NO_OP" : row.action;
          const seconds = rowSeconds(row, now);
          return (
            <div
              key={row.address}
              role="row"
              aria-rowindex={item.index + 2}
              className={`${classes.row} ${classes.item}`}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              <div role="cell" className={classes.address} title={row.address}>
                <bdi>{row.address}</bdi>
              </div>
              <div role="cell" className={classes.cell}>
                <ActionMark action={action} /> <span className={classes.verb}>{planWords.verbs[action]}</span>
              </div>
              <div role="cell">
                <Badge
                  variant="light"
                  size="sm"
                  tt="none"
                  color={COLOURS[row.phase]}
                  styles={{ label: { color: "var(--mantine-color-text)" } }}
                >
                  {words.phases[row.phase]}
                </Badge>
              </div>
              <div role="cell" className={classes.cell}>
                {seconds !== undefined && length(row.phase === "RUNNING" ? Math.floor(seconds) : seconds)}
              </div>
              <div role="cell" className={`${classes.id} ${classes.cell}`} title={row.id}>
                {row.id}
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}
