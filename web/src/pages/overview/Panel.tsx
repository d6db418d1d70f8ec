import { Group, Paper, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import { Failed, LoadingRows } from "~/components/States";
import { overviewText as text } from "~/text/overview";

import classes from "./Panel.module.css";

interface Props<T> {
  title: string;
  // Beside the title: where the rest of the list is.
  more?: ReactNode;
  rows: T[] | undefined;
  rowKey: (row: T) => string;
  render: (row: T) => ReactNode;
  error: unknown;
  onRetry: () => void;
  empty: string;
  // There may be more: not all was looked through.
  cut?: boolean;
}

// A short list of the overview.
export function Panel<T>({ title, more, rows, rowKey, render, error, onRetry, empty, cut }: Props<T>) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Group justify="space-between" mb="xs" gap="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        {more}
      </Group>
      {error && rows === undefined ? (
        <Failed error={error} onRetry={onRetry} />
      ) : rows === undefined ? (
        <LoadingRows rows={3} />
      ) : rows.length === 0 ? (
        <Text size="sm" py="xs">
          {cut ? text.noneSoFar : empty}
        </Text>
      ) : (
        <>
          <ul className={classes.list}>
            {rows.map((row) => (
              <li key={rowKey(row)} className={classes.row}>
                {render(row)}
              </li>
            ))}
          </ul>
          {cut && (
            <Text size="xs" c="dimmed">
              {text.cut}
            </Text>
          )}
        </>
      )}
    </Paper>
  );
}
