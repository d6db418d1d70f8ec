import { Badge, Group, Progress, SimpleGrid, Stack, Text, Title, Tooltip, UnstyledButton } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { last } from "~/lib/names";
import { fillOf, unitBeside } from "~/lib/usage";
import { quota as words } from "~/text/quota";

import classes from "./UsageCards.module.css";

type Usage = Schemas["Usage"];
const NEARLY = 80;

// Names of metrics for people.
export function useMetrics(): Map<string, Schemas["Metric"]> {
  const { data } = queries.useQuery(
    "get",
    "/v1/metrics",
    { params: { query: { pageSize: 1000 } } },
    { staleTime: 60_000 },
  );
  return new Map((data?.metrics ?? []).map((m) => [last(m.name), m]));
}

// A bar for each metric; one of them is shown over time.
export function UsageCards(props: { usage: Usage[]; chosen: string | undefined; onChoose: (metric: string) => void }) {
  const metrics = useMetrics();
  return (
    <Stack gap="sm" component="section" aria-labelledby="quota-now">
      <Title order={2} size="h4" id="quota-now">
        {words.now}
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm">
        {props.usage.map((u) => (
          <UnstyledButton
            key={u.metric}
            className={classes.card}
            aria-pressed={u.metric === props.chosen}
            title={words.showMetric(metrics.get(u.metric)?.displayName || u.metric)}
            onClick={() => props.onChoose(u.metric)}
          >
            <UsageBar usage={u} title={metrics.get(u.metric)?.displayName || u.metric} />
          </UnstyledButton>
        ))}
      </SimpleGrid>
    </Stack>
  );
}

export function UsageBar({ usage, title }: { usage: Usage; title: string }) {
  const fill = fillOf(usage);
  const used = Number(usage.committed) + Number(usage.pending);
  const number = (n: string | number) => Number(n).toLocaleString();
  const colour = fill.over ? "red" : fill.committed + fill.pending >= NEARLY ? "yellow" : "yard";
  return (
    <Stack gap={4}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text fw={600} size="sm" truncate title={usage.metric}>
          {title}
        </Text>
        {(usage.overCommitted || fill.over) && (
          <Tooltip label={words.overHelp} multiline w={260}>
            <Badge color="red" variant="light" tt="none" styles={{ label: { color: "var(--mantine-color-text)" } }}>
              {words.over}
            </Badge>
          </Tooltip>
        )}
      </Group>
      <Progress.Root size="lg" aria-hidden>
        <Progress.Section value={fill.committed} color={colour} />
        <Progress.Section value={fill.pending} color={colour} striped opacity={0.6} />
      </Progress.Root>
      <Group justify="space-between" gap="xs">
        <Text size="sm">{words.used(number(used), number(usage.limit), unitBeside(title, usage.unit))}</Text>
        <Text size="sm" c="dimmed">
          {Number(usage.pending) > 0 ? words.pending(number(usage.pending)) : words.free(number(fill.free))}
        </Text>
      </Group>
    </Stack>
  );
}
