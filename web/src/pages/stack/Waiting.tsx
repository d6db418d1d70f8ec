import { Alert, Group, List, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";

import { queries, type Schemas } from "~/api/client";
import { ButtonLink, TextLink } from "~/components/Links";
import { StateBadge } from "~/components/StateBadge";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { last, requestIds, runIds } from "~/lib/names";
import { runSeconds } from "~/lib/stackState";
import { span } from "~/lib/time";
import { stackText } from "~/text/stack";

const words = stackText.waiting;

// The request that the stack waits for, and the way to it.
export function WaitingRequest({ request }: { request: Schemas["ChangeRequest"] }) {
  return (
    <Alert color="yellow" icon={<IconHourglass aria-hidden />} title={words.request(last(request.name))}>
      <Group justify="space-between" gap="sm">
        <Text size="sm">
          {request.summary}
          {request.expireTime && (
            <>
              {" · "}
              {words.expires} <Time at={request.expireTime} />
            </>
          )}
        </Text>
        <ButtonLink
          size="xs"
          variant="default"
          to="/projects/$project/changeRequests/$changeRequest"
          params={requestIds(request.name)}
        >
          {words.open}
        </ButtonLink>
      </Group>
    </Alert>
  );
}

const EVERY_MS = 1000;
const MOST_ACTIVE = 3;

// The run that goes on, as far as it is. It is asked each second: a run tells its progress to those
// who watch it alone, not to all who watch the project.
export function ActiveRun({ name }: { name: string }) {
  const now = useNow();
  const { data: run } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/runs/{run}",
    { params: { path: runIds(name) } },
    { refetchInterval: EVERY_MS },
  );
  const { total = 0, done = 0, failed = 0, active = [] } = run?.progress ?? {};
  const seconds = run && runSeconds(run, now);
  const doing = !run
    ? ""
    : run.cancelRequested
      ? words.stopping
      : run.state === "QUEUED"
        ? words.queued
        : (words.doing[run.type] ?? run.type);
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <Group justify="space-between" gap="sm">
          <Group gap="xs">
            <Text size="sm" role="status">
              <TextLink to="/projects/$project/stacks/$stack/runs/$run" params={runIds(name)} fw={600} inherit>
                {words.run(last(name))}
              </TextLink>{" "}
              {doing}
            </Text>
            {run && <StateBadge state={run.state} size="sm" />}
            {seconds !== undefined && (
              <Text size="sm" c="dimmed">
                {span(seconds)}
              </Text>
            )}
          </Group>
          <ButtonLink size="xs" variant="default" to="/projects/$project/stacks/$stack/runs/$run" params={runIds(name)}>
            {words.openRun}
          </ButtonLink>
        </Group>
        {total > 0 && (
          <>
            <Progress.Root size="md">
              <Progress.Section value={(100 * done) / total} color="green" aria-label={words.progressLabel} animated />
              {failed > 0 && (
                <Progress.Section value={(100 * failed) / total} color="red" aria-label={words.failed(failed)} />
              )}
            </Progress.Root>
            <Text size="xs" c="dimmed">
              {words.progress(done, total)}
              {failed > 0 && ` · ${words.failed(failed)}`}
            </Text>
          </>
        )}
        {active.length > 0 && (
          <List size="xs" aria-label={words.active}>
            {active.slice(0, MOST_ACTIVE).map((address) => (
              <List.Item key={address}>
                <Text span size="xs" ff="monospace" style={{ overflowWrap: "anywhere" }}>
                  {address}
                </Text>
              </List.Item>
            ))}
            {active.length > MOST_ACTIVE && <List.Item>{words.others(active.length - MOST_ACTIVE)}</List.Item>}
          </List>
        )}
      </Stack>
    </Paper>
  );
}
