import { Alert, Code, List, Stack, Tabs, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";

import { queries, type Schemas } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { Diagnostics } from "~/components/Diagnostics";
import { LiveState } from "~/components/LiveState";
import { Page } from "~/components/Page";
import { StateBadge } from "~/components/StateBadge";
import { Failed, LoadingPage } from "~/components/States";
import { last, runIds } from "~/lib/names";
import { CancelRun } from "~/pages/runs/CancelRun";
import { RunFacts } from "~/pages/runs/RunFacts";
import { RunLog } from "~/pages/runs/RunLog";
import { RunPlan } from "~/pages/runs/RunPlan";
import { RunProgressBar } from "~/pages/runs/RunProgressBar";
import { RunResources } from "~/pages/runs/RunResources";
import { RunSteps } from "~/pages/runs/RunSteps";
import { useRunEvents } from "~/pages/runs/useRunEvents";
import { common } from "~/text/common";
import { runs as words } from "~/text/runs";

type Tab = keyof typeof words.tabs;
const PLANS = new Set(["PLAN", "PREVIEW"]);

export default function RunPage() {
  const { project = "", stack = "", run = "" } = useParams({ strict: false });
  useLiveProject(project);
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/runs/{run}", {
    params: { path: { project, stack, run } },
  });
  if (error && !data) return <Failed page error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingPage />;
  return <TheRun key={data.name} run={data} />;
}

const hasEnded = (run: Schemas["Run"]) => run.endTime !== undefined;

function TheRun({ run }: { run: Schemas["Run"] }) {
  const ids = runIds(run.name);
  const { progress, stream } = useRunEvents(ids);
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const ended = hasEnded(run);
  const tabs: Tab[] = PLANS.has(run.type) && run.revision !== "0" ? ["plan", "resources", "log"] : ["resources", "log"];
  const first = tabs[0] as Tab;
  const tab = tabs.find((t) => t === search.tab) ?? first;
  // Both tell the same; the stream is ahead while it is live, and the run has them when it is not.
  const diagnostics = progress.diagnostics.length >= run.diagnostics.length ? progress.diagnostics : run.diagnostics;
  return (
    <Page
      title={words.titles[run.type](last(run.name))}
      badge={
        <span aria-live="polite">
          <StateBadge state={run.state} />
        </span>
      }
      subtitle={!ended && <LiveState state={stream} />}
      crumbs={[
        { label: common.navigation.projects, to: "/projects" },
        { label: ids.project, to: `/projects/${ids.project}` },
        { label: ids.stack, to: `/projects/${ids.project}/stacks/${ids.stack}` },
      ]}
      actions={!ended && <CancelRun run={run} />}
    >
      {run.cancelRequested && !ended && <Alert color="orange">{words.cancelAsked}</Alert>}
      <RunFacts run={run} />
      <Failure run={run} />
      <RunProgressBar run={run} progress={progress} ended={ended} />
      <RunSteps steps={progress.steps} ended={ended} />
      {progress.notices.length > 0 && (
        <section aria-label={words.notices}>
          <Title order={2} size="h4" mb="xs">
            {words.notices}
          </Title>
          <List size="sm">
            {progress.notices.map((n) => (
              <List.Item key={n.sequence}>{n.text}</List.Item>
            ))}
          </List>
        </section>
      )}
      {diagnostics.length > 0 && (
        <section aria-label={words.diagnostics}>
          <Title order={2} size="h4" mb="xs">
            {words.diagnostics}
          </Title>
          <Diagnostics diagnostics={diagnostics} />
        </section>
      )}
      <Tabs
        value={tab}
        onChange={(to) =>
          void navigate({ to: ".", search: { tab: to === first ? undefined : (to ?? undefined) }, replace: true })
        }
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {tabs.map((t) => (
            <Tabs.Tab key={t} value={t}>
              {words.tabs[t]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="plan">
          <RunPlan run={run} />
        </Tabs.Panel>
        <Tabs.Panel value="resources">
          <RunResources progress={progress} ended={ended} />
        </Tabs.Panel>
        <Tabs.Panel value="log">
          <RunLog ids={ids} size={Number(run.logSize)} ended={ended} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Failure({ run }: { run: Schemas["Run"] }) {
  const message = run.error?.message ?? "";
  // What Terraform says of it in full is shown below.
  const told = run.diagnostics.some((d) => d.severity === "ERROR" && message.includes(d.summary));
  const failed = message !== "" && !told;
  if (!failed && run.unsavedResources.length === 0) return null;
  return (
    <Stack gap="xs">
      {failed && (
        <Alert
          color={run.state === "CANCELLED" ? "orange" : "red"}
          title={run.state === "FAILED" ? words.error : undefined}
          styles={{ title: { color: "var(--mantine-color-text)" } }}
        >
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {message}
          </Text>
        </Alert>
      )}
      {run.unsavedResources.length > 0 && (
        <Alert
          color="orange"
          icon={<IconAlertTriangle aria-hidden />}
          title={words.unsaved.title}
          styles={{ title: { color: "var(--mantine-color-text)" } }}
        >
          <Text size="sm">{words.unsaved.text}</Text>
          <List size="sm" mt="xs">
            {run.unsavedResources.map((address) => (
              <List.Item key={address}>
                <Code style={{ overflowWrap: "anywhere" }}>{address}</Code>
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
    </Stack>
  );
}
