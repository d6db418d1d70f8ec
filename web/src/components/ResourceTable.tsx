import { ActionIcon, Button, Group, Select, Stack, Table, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconChevronLeft, IconChevronRight, IconFilter, IconX } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type FormEvent, memo, type ReactNode, useRef, useState } from "react";

import { Empty, Failed, LoadingRows, Problem } from "~/components/States";
import type { ListSearch } from "~/lib/listSearch";
import { common } from "~/text/common";

import classes from "./ResourceTable.module.css";

export interface Column<T> {
  key: string;
  label: string;
  render: (row: T) => ReactNode;
  // The field of order_by; without it the column does not sort.
  sortBy?: string;
  // A track of the grid: "2fr", "120px".
  width?: string;
  // Narrow screens leave it out.
  optional?: boolean;
}

interface Props<T> {
  // What the table is of, for readers.
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  rowKey: (row: T) => string;
  error?: unknown;
  onRetry?: () => void;
  nextPageToken?: string;
  // The list's state, which lives in the URL: see useListSearch.
  search: ListSearch;
  onSearch: (next: ListSearch) => void;
  // Shown where there is nothing and no filter.
  empty: ReactNode;
  filterHelp?: string;
  // Quick filters and the like, beside the filter.
  tools?: ReactNode;
  // Without it, no filter can be written.
  filterable?: boolean;
}

const ROW_PX = 48;
const PAGES = ["50", "200", "1000"];

// A list of resources: filter, sorting and paging live in the URL; only rows in sight are drawn.
export function ResourceTable<T>(props: Props<T>) {
  const { columns, rows, search, onSearch } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows?.length ?? 0,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const tracks = columns.map((c) => c.width ?? "1fr").join(" ");
  const narrow = columns.filter((c) => !c.optional);
  const narrowTracks = narrow.map((c) => c.width ?? "1fr").join(" ");
  const style = { "--tracks": tracks, "--narrow": narrowTracks } as React.CSSProperties;

  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-end">
        {props.filterable !== false && (
          <FilterInput
            key={search.filter ?? ""}
            value={search.filter ?? ""}
            help={props.filterHelp ?? common.filterHelp}
            onApply={(filter) => onSearch({ ...search, filter: filter || undefined, pageToken: undefined })}
          />
        )}
        {props.tools}
      </Group>
      {/* What is there stays, with word that it could not be read again. */}
      {props.error !== undefined && props.error !== null && rows !== undefined && <Problem error={props.error} />}
      {props.error && rows === undefined ? (
        <Failed error={props.error} onRetry={props.onRetry} />
      ) : rows === undefined ? (
        <LoadingRows />
      ) : rows.length === 0 && !search.pageToken && !props.nextPageToken ? (
        search.filter ? (
          <Empty
            title={common.nothingFound}
            action={
              <Button variant="default" onClick={() => onSearch({ ...search, filter: undefined })}>
                {common.clearFilter}
              </Button>
            }
          />
        ) : (
          props.empty
        )
      ) : (
        <div
          ref={scroll}
          className={classes.scroll}
          role="table"
          aria-label={props.label}
          aria-rowcount={rows.length + 1}
          tabIndex={0}
          style={style}
        >
          <div role="row" className={classes.head} aria-rowindex={1}>
            {columns.map((c) => (
              <Head key={c.key} column={c} search={search} onSearch={onSearch} />
            ))}
          </div>
          <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index] as T;
              return (
                <Row
                  key={props.rowKey(row)}
                  row={row}
                  columns={columns as Column<unknown>[]}
                  index={item.index}
                  size={item.size}
                  start={item.start}
                />
              );
            })}
          </div>
        </div>
      )}
      <Paging search={search} onSearch={onSearch} next={props.nextPageToken} count={rows?.length} />
    </Stack>
  );
}

interface RowProps {
  row: unknown;
  columns: Column<unknown>[];
  index: number;
  size: number;
  start: number;
}

// What is in sight already is not drawn again while one scrolls.
const Row = memo(function Row({ row, columns, index, size, start }: RowProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={classes.row}
      style={{ height: size, transform: `translateY(${start}px)` }}
    >
      {columns.map((c) => (
        <div key={c.key} role="cell" className={c.optional ? classes.optional : classes.cell}>
          {c.render(row)}
        </div>
      ))}
    </div>
  );
});

function Head<T>(props: { column: Column<T>; search: ListSearch; onSearch: (next: ListSearch) => void }) {
  const { column, search } = props;
  const className = column.optional ? classes.optional : classes.cell;
  if (!column.sortBy) {
    return (
      <div role="columnheader" className={className}>
        {column.label}
      </div>
    );
  }
  const rising = search.orderBy === column.sortBy;
  const falling = search.orderBy === `${column.sortBy} desc`;
  const next = rising ? `${column.sortBy} desc` : falling ? undefined : column.sortBy;
  return (
    <div role="columnheader" className={className} aria-sort={rising ? "ascending" : falling ? "descending" : "none"}>
      <UnstyledButton
        className={classes.sort}
        onClick={() => props.onSearch({ ...search, orderBy: next, pageToken: undefined })}
      >
        {column.label}
        {rising && <IconArrowUp size={14} aria-hidden />}
        {falling && <IconArrowDown size={14} aria-hidden />}
      </UnstyledButton>
    </div>
  );
}

function FilterInput(props: { value: string; help: string; onApply: (filter: string) => void }) {
  const [text, setText] = useState(props.value);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onApply(text.trim());
  };
  return (
    <form onSubmit={submit} className={classes.filter} role="search">
      <TextInput
        aria-label={common.filter}
        placeholder={props.help}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        leftSection={<IconFilter size={16} aria-hidden />}
        rightSection={
          text && (
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={common.clearFilter}
              onClick={() => {
                setText("");
                props.onApply("");
              }}
            >
              <IconX size={16} />
            </ActionIcon>
          )
        }
        spellCheck={false}
      />
    </form>
  );
}

function Paging(props: {
  search: ListSearch;
  onSearch: (next: ListSearch) => void;
  next: string | undefined;
  count: number | undefined;
}) {
  const { search, onSearch, next } = props;
  const smallest = Number(PAGES[0]);
  if (!next && !search.pageToken && (props.count ?? 0) <= smallest && !search.pageSize) return null;
  return (
    <Group justify="space-between" gap="sm">
      <Group gap="xs">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconChevronLeft size={14} aria-hidden />}
          disabled={!search.pageToken}
          onClick={() => onSearch({ ...search, pageToken: undefined })}
        >
          {common.first}
        </Button>
        <Button
          variant="default"
          size="xs"
          rightSection={<IconChevronRight size={14} aria-hidden />}
          disabled={!next}
          onClick={() => onSearch({ ...search, pageToken: next })}
        >
          {common.next}
        </Button>
      </Group>
      <Group gap="xs">
        <Text size="sm" c="dimmed" component="label" htmlFor="page-size">
          {common.perPage}
        </Text>
        <Select
          id="page-size"
          size="xs"
          w={90}
          data={PAGES}
          value={String(search.pageSize ?? smallest)}
          allowDeselect={false}
          onChange={(value) => onSearch({ ...search, pageSize: Number(value), pageToken: undefined })}
        />
      </Group>
    </Group>
  );
}

// A small table of fixed rows, for what is no list of resources.
export function PlainTable(props: { label: string; head: string[]; rows: ReactNode[][] }) {
  return (
    <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label={props.label} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {props.head.map((h) => (
              <Table.Th key={h} scope="col">
                {h}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.rows.map((cells, i) => (
            <Table.Tr key={i}>
              {cells.map((c, j) => (
                <Table.Td key={j}>{c}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
