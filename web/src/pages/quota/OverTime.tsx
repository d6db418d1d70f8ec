import { Alert, Group, SegmentedControl, Select, Skeleton, Stack, Title } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Failed } from "~/components/States";
import { stepsOf, unitBeside } from "~/lib/usage";
import { quota as words } from "~/text/quota";

import { StepTable } from "./StepTable";
import { useMetrics } from "./UsageCards";

// Charts are large: they come when a page shows one.
const UsageChart = lazy(() => import("./UsageChart"));

const WINDOWS = [7, 30, 90];
const DAY_MS = 86_400_000;
export const CHART_HEIGHT = 260;

interface Props {
  project: string;
  metric: string;
  onMetric: (metric: string) => void;
  usage: Schemas["Usage"][];
}

// What is held and allowed of one metric in the time to come.
export function OverTime({ project, metric, onMetric, usage }: Props) {
  const metrics = useMetrics();
  const [days, setDays] = useState(30);
  const [user, setUser] = useState("");
  const users = [...new Set(usage.filter((u) => u.metric === metric && u.user !== "").map((u) => u.user))];
  // Who was chosen for one metric may have nothing of another.
  const whose = users.includes(user) ? user : "";
  // A fixed window until another is chosen: the key of the query must not change with each tick.
  const [start] = useState(() => Date.now());
  const end = start + days * DAY_MS;
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/quota/usage:series",
    {
      params: {
        path: { project },
        query: {
          metric,
          user: whose || undefined,
          startTime: new Date(start).toISOString(),
          endTime: new Date(end).toISOString(),
        },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const steps = useMemo(() => stepsOf(data?.points ?? [], end), [data, end]);
  const title = (id: string) => metrics.get(id)?.displayName || id;
  const unit = unitBeside(title(metric), usage.find((u) => u.metric === metric)?.unit ?? "");

  return (
    <Stack gap="sm" component="section" aria-labelledby="quota-coming">
      <Group justify="space-between" align="flex-end" gap="sm">
        <Title order={2} size="h4" id="quota-coming">
          {words.coming}
        </Title>
        <Group gap="sm" align="flex-end">
          <Select
            label={words.metric}
            size="xs"
            w={180}
            data={usage.filter((u) => u.user === "").map((u) => ({ value: u.metric, label: title(u.metric) }))}
            value={metric}
            allowDeselect={false}
            onChange={(next) => {
              if (next) onMetric(next);
              setUser("");
            }}
          />
          {users.length > 0 && (
            <Select
              label={words.whose}
              size="xs"
              w={160}
              data={[{ value: "", label: words.project }, ...users.map((u) => ({ value: u, label: u }))]}
              value={whose}
              allowDeselect={false}
              onChange={(next) => setUser(next ?? "")}
            />
          )}
          <SegmentedControl
            aria-label={words.window}
            size="xs"
            value={String(days)}
            onChange={(value) => setDays(Number(value))}
            data={WINDOWS.map((n) => ({ value: String(n), label: words.days(n) }))}
          />
        </Group>
      </Group>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton height={CHART_HEIGHT} />
      ) : (
        <>
          <Suspense fallback={<Skeleton height={CHART_HEIGHT} />}>
            <UsageChart
              steps={steps}
              label={words.chart(title(metric), days)}
              unit={unit}
              height={CHART_HEIGHT}
              start={start}
              end={end}
            />
          </Suspense>
          {steps.length <= 2 && <Alert color="gray">{words.noChange}</Alert>}
          <StepTable project={project} metric={metric} user={whose} points={data.points} />
        </>
      )}
    </Stack>
  );
}
