import { Badge, Group, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";

import type { Schemas } from "~/api/client";
import { PlanCounts } from "~/components/ActionMark";
import { PlainTable } from "~/components/ResourceTable";
import { versionLabel } from "~/lib/stackState";
import { type Difference, differences } from "~/lib/values";
import { stackText } from "~/text/stack";

import { Value } from "./Value";

const words = stackText.revisions;
const COLOURS: Record<Difference["kind"], string> = {
  added: "green",
  removed: "red",
  changed: "blue",
  secret: "gray",
};

// What differs between two revisions: at first the newest and the one before it.
export function RevisionCompare({ revisions }: { revisions: Schemas["Revision"][] }) {
  const numbers = revisions.map((r) => r.number);
  const [from, setFrom] = useState(numbers[1] ?? numbers[0] ?? "");
  const [to, setTo] = useState(numbers[0] ?? "");
  const before = revisions.find((r) => r.number === from);
  const after = revisions.find((r) => r.number === to);
  if (numbers.length < 2 || !before || !after) {
    return (
      <Text size="sm" c="dimmed">
        {words.one}
      </Text>
    );
  }
  const found = differences(before.parameters, after.parameters);
  const versions = before.templateVersion !== after.templateVersion;
  const unset = (
    <Text span size="sm" c="dimmed" fs="italic">
      {words.unset}
    </Text>
  );
  const rows: ReactNode[][] = found.map((d) => [
    <Text key="name" size="sm" style={{ overflowWrap: "break-word" }}>
      {d.name}
    </Text>,
    <Badge key="kind" size="sm" variant="light" tt="none" color={COLOURS[d.kind]} c="var(--mantine-color-text)">
      {words.kinds[d.kind]}
    </Badge>,
    d.kind === "added" ? unset : <Value key="before" name={d.name} value={d.before} />,
    d.kind === "removed" ? unset : <Value key="after" name={d.name} value={d.after} />,
  ]);
  if (versions) {
    rows.unshift([
      words.templateVersion,
      <Badge key="kind" size="sm" variant="light" tt="none" color="blue" c="var(--mantine-color-text)">
        {words.kinds.changed}
      </Badge>,
      versionLabel(before.templateVersion),
      versionLabel(after.templateVersion),
    ]);
  }
  const same = rows.length === 0;
  rows.push([
    words.planRow,
    "",
    before.plan && <PlanCounts key="before" counts={before.plan} short />,
    after.plan && <PlanCounts key="after" counts={after.plan} short />,
  ]);
  return (
    <Paper withBorder p="sm">
      <Stack gap="sm">
        <Title order={2} size="h5">
          {words.compare}
        </Title>
        <Group gap="sm" align="flex-end">
          <Select
            label={words.from}
            data={numbers}
            value={from}
            onChange={(v) => setFrom(v ?? from)}
            allowDeselect={false}
            size="xs"
            w={120}
          />
          <Select
            label={words.to}
            data={numbers}
            value={to}
            onChange={(v) => setTo(v ?? to)}
            allowDeselect={false}
            size="xs"
            w={120}
          />
        </Group>
        {same && <Text size="sm">{words.same}</Text>}
        <PlainTable
          label={words.differences}
          head={[stackText.outputs.name, words.what, words.before(from), words.before(to)]}
          rows={rows}
        />
      </Stack>
    </Paper>
  );
}
