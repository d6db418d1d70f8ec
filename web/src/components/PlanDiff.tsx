import { Badge, Button, Group, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconChevronRight, IconSearch } from "@tabler/icons-react";
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useDeferredValue, useMemo, useRef, useState } from "react";

import type { Schemas } from "~/api/client";
import { groupChanges, type Group as Changes, resourceKey, type Row, rowsOf, type ShownAction } from "~/lib/planDiff";
import { plan as words } from "~/text/plan";

import { ActionMark } from "./ActionMark";
import { PlanAttribute } from "./PlanAttribute";
import classes from "./PlanDiff.module.css";

const ROW_PX = { group: 37, resource: 37, attribute: 34 };
// A plan tells at most this many resources.
const MOST_CHANGES = 5_000;
// Small plans begin unfolded.
const SMALL = 3;

const keysOf = (groups: Changes[]) =>
  new Set(groups.flatMap((g) => g.changes.map((c) => resourceKey(g.action, c.address))));

function flipped<T>(set: ReadonlySet<T>, item: T): ReadonlySet<T> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}

// What a plan changes, to be read: by action, each resource folds out to its attributes.
export function PlanDiff(props: { changes: Schemas["ResourceChange"][]; changedOutputs?: string[] }) {
  const { changes } = props;
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const groups = useMemo(() => groupChanges(changes, wanted), [changes, wanted]);
  const [closedGroups, setClosedGroups] = useState<ReadonlySet<ShownAction>>(new Set());
  const [openResources, setOpenResources] = useState<ReadonlySet<string>>(() =>
    changes.length <= SMALL ? keysOf(groups) : new Set(),
  );
  const [whole, setWhole] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(groups, { closedGroups, openResources }), [groups, closedGroups, openResources]);
  const found = groups.reduce((sum, g) => sum + g.changes.length, 0);

  const onFold = useCallback((row: Row) => {
    if (row.kind === "group") setClosedGroups((old) => flipped(old, row.action));
    if (row.kind === "resource") setOpenResources((old) => flipped(old, row.key));
  }, []);
  const onWhole = useCallback((key: string) => setWhole((old) => new Set(old).add(key)), []);
  const expandAll = () => {
    setClosedGroups(new Set());
    setOpenResources(keysOf(groups));
  };
  const folds = useMemo(() => changes.some((c) => c.attributes.length > 0), [changes]);
  const outputs = props.changedOutputs ?? [];
  return (
    <Stack gap="sm">
      {changes.length === 0 ? (
        <Text c="dimmed">{words.nothing}</Text>
      ) : (
        <>
          <Group gap="xs">
            <TextInput
              aria-label={words.search}
              placeholder={words.search}
              leftSection={<IconSearch size={16} aria-hidden />}
              value={search}
              onChange={(e) => setSearch(e.currentTarget.value)}
              spellCheck={false}
              style={{ flex: "1 1 220px" }}
            />
            <Text size="sm" c="dimmed" aria-live="polite">
              {wanted ? words.found(found, changes.length) : words.all(changes.length)}
            </Text>
            {folds && (
              <>
                <Button variant="default" size="xs" onClick={expandAll}>
                  {words.expandAll}
                </Button>
                <Button variant="default" size="xs" onClick={() => setOpenResources(new Set())}>
                  {words.collapseAll}
                </Button>
              </>
            )}
          </Group>
          {rows.length === 0 ? (
            <Text c="dimmed">{words.nothingFound}</Text>
          ) : (
            <Rows rows={rows} whole={whole} onFold={onFold} onWhole={onWhole} />
          )}
          {changes.length >= MOST_CHANGES && (
            <Text size="sm" c="dimmed">
              {words.most(MOST_CHANGES)}
            </Text>
          )}
        </>
      )}
      {outputs.length > 0 && (
        <Group gap={6}>
          <Text size="sm">{words.outputs}:</Text>
          {outputs.map((name) => (
            <Badge key={name} variant="default" tt="none" ff="monospace" fw={500}>
              {name}
            </Badge>
          ))}
        </Group>
      )}
    </Stack>
  );
}

interface RowsProps {
  rows: Row[];
  whole: ReadonlySet<string>;
  onFold: (row: Row) => void;
  onWhole: (key: string) => void;
}

// Only the rows in sight are drawn, and the one that has the focus: it must not be lost by scrolling.
function Rows({ rows, whole, onFold, onWhole }: RowsProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<string>();
  const held = useMemo(() => rows.findIndex((r) => r.key === focused), [rows, focused]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    getItemKey: useCallback((i: number) => rows[i]?.key ?? i, [rows]),
    estimateSize: (i) => ROW_PX[rows[i]?.kind ?? "resource"],
    overscan: 12,
    rangeExtractor: useCallback(
      (range: Range) => {
        const indexes = defaultRangeExtractor(range);
        return held < 0 || indexes.includes(held) ? indexes : [...indexes, held].sort((a, b) => a - b);
      },
      [held],
    ),
  });
  return (
    <div ref={scroll} className={classes.scroll} role="region" aria-label={words.changes} tabIndex={0}>
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index] as Row;
          return (
            <div
              key={row.key}
              data-index={item.index}
              ref={virtual.measureElement}
              className={classes.row}
              data-action={row.action}
              style={{ transform: `translateY(${item.start}px)` }}
              onFocus={() => setFocused(row.key)}
            >
              <OneRow row={row} whole={whole.has(row.key)} onFold={onFold} onWhole={onWhole} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface OneRowProps extends Pick<RowsProps, "onFold" | "onWhole"> {
  row: Row;
  whole: boolean;
}

// Scrolling draws what comes into sight, not all anew.
const OneRow = memo(function OneRow({ row, whole, onFold, onWhole }: OneRowProps) {
  return row.kind === "attribute" ? (
    <PlanAttribute attribute={row.attribute} whole={whole} onWhole={() => onWhole(row.key)} />
  ) : (
    <Fold row={row} onFold={onFold} />
  );
});

function Fold({ row, onFold }: { row: Row & { kind: "group" | "resource" }; onFold: (row: Row) => void }) {
  if (row.kind === "resource" && row.change.attributes.length === 0) {
    return (
      <div className={`${classes.fold} ${classes.resource}`}>
        <span className={classes.noChevron} />
        <Label row={row} />
      </div>
    );
  }
  return (
    <UnstyledButton
      className={`${classes.fold} ${row.kind === "group" ? classes.group : classes.resource}`}
      aria-expanded={row.open}
      onClick={() => onFold(row)}
    >
      <IconChevronRight size={16} className={classes.chevron} data-open={row.open} aria-hidden />
      <Label row={row} />
    </UnstyledButton>
  );
}

function Label({ row }: { row: Row & { kind: "group" | "resource" } }) {
  if (row.kind === "group") {
    return (
      <>
        <ActionMark action={row.action} />
        <span>
          {row.count.toLocaleString()} {words.actions[row.action]}
        </span>
      </>
    );
  }
  const { address, attributes, reason } = row.change;
  const aside = [
    reason && (words.reasons[reason] ?? reason),
    attributes.length > 0 && words.attributes(attributes.length),
  ].filter(Boolean);
  return (
    <>
      <ActionMark action={row.action} />
      <span className={classes.address}>{address}</span>
      <span className={classes.forReaders}>{words.actions[row.action]}</span>
      {aside.length > 0 && <span className={classes.aside}>{aside.join(" · ")}</span>}
    </>
  );
}
