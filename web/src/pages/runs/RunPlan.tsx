import { Stack, Text, Title } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { PlanDiff } from "~/components/PlanDiff";
import { PlanSummary } from "~/components/PlanSummary";
import { Failed, LoadingRows } from "~/components/States";
import { runIds } from "~/lib/names";
import { plan as planWords } from "~/text/plan";
import { runs as words } from "~/text/runs";

// A revision keeps its newest plan: whether this run made it is told by when.
function isOf(plan: Schemas["Plan"], run: Schemas["Run"]): boolean {
  const at = Date.parse(plan.createTime ?? "");
  const from = Date.parse(run.startTime ?? "");
  return at >= from && (!run.endTime || at <= Date.parse(run.endTime) + 1_000);
}

// The plan that a run made.
export function RunPlan({ run }: { run: Schemas["Run"] }) {
  const { project, stack } = runIds(run.name);
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/revisions/{revision}",
    { params: { path: { project, stack, revision: run.revision } } },
  );
  if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingRows />;
  if (!data.plan) return <Text c="dimmed">{words.noPlan}</Text>;
  if (!isOf(data.plan, run)) return <Text c="dimmed">{words.olderPlan}</Text>;
  return (
    <Stack gap="sm">
      <Title order={2} size="h4">
        {planWords.title}
      </Title>
      {/* The run tells its warnings itself. */}
      <PlanSummary plan={{ ...data.plan, diagnostics: [] }} />
      <PlanDiff key={data.plan.digest} changes={data.plan.changes} changedOutputs={data.plan.changedOutputs} />
    </Stack>
  );
}
