import { Anchor, Badge, Button, Group, Paper, SimpleGrid, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { queries, type Schemas } from "~/api/client";
import { ResourceLink } from "~/components/ResourceLink";
import { StateBadge } from "~/components/StateBadge";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { tally } from "~/lib/tally";
import { byFullness } from "~/lib/usage";
import { UsageBar, useMetrics } from "~/pages/quota/UsageCards";
import { projects } from "~/text/projects";

const words = projects.overview;
const COUNTED = 500;
const METRICS = 4;
const EVENTS = 8;
const ORDER = [
  "FAILED",
  "AWAITING_APPROVAL",
  "PENDING",
  "PLANNING",
  "APPLYING",
  "DESTROYING",
  "READY",
  "REJECTED",
  "DESTROYED",
];

export function ProjectOverview({ project }: { project: Schemas["Project"] }) {
  const id = last(project.name);
  const labels = Object.entries(project.labels);
  return (
    <Stack gap="lg">
      {(project.description || labels.length > 0) && (
        <Stack gap="xs">
          {project.description && <Text style={{ whiteSpace: "pre-wrap" }}>{project.description}</Text>}
          <Group gap={6}>
            {labels.map(([key, value]) => (
              <Badge key={key} variant="default" tt="none" fw={500}>
                {key}={value}
              </Badge>
            ))}
          </Group>
        </Stack>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <StacksByState project={id} />
        <QuotaInShort project={id} />
      </SimpleGrid>
      <Recent project={id} />
    </Stack>
  );
}

function Box(props: { title: string; link?: ReactNode; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {props.title}
          </Title>
          {props.link}
        </Group>
        {props.children}
      </Stack>
    </Paper>
  );
}

function StacksByState({ project }: { project: string }) {
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks", {
    params: { path: { project }, query: { pageSize: COUNTED, orderBy: "update_time desc" } },
  });
  const counts = tally(data?.stacks.map((s) => s.state) ?? [], ORDER);
  const ofProject = `name = "projects/${project}/stacks/*"`;
  return (
    <Box
      title={words.stacks}
      link={
        <Anchor renderRoot={(props) => <Link {...props} to="/stacks" search={{ filter: ofProject }} />} size="sm">
          {words.allStacks}
        </Anchor>
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows rows={3} />
      ) : counts.length === 0 ? (
        <Empty
          {...words.noStacks}
          action={
            <Button component={Link} to="/catalogue" variant="default">
              {words.toCatalogue}
            </Button>
          }
        />
      ) : (
        <SimpleGrid cols={{ base: 2, sm: 3 }} spacing="sm">
          {counts.map(([state, count]) => (
            <UnstyledButton
              key={state}
              renderRoot={(props) => (
                <Link {...props} to="/stacks" search={{ filter: `${ofProject} AND state = ${state}` }} />
              )}
            >
              <Stack gap={2} align="flex-start">
                <Text size="xl" fw={650} lh={1.2}>
                  {count.toLocaleString()}
                </Text>
                <StateBadge state={state} />
              </Stack>
            </UnstyledButton>
          ))}
        </SimpleGrid>
      )}
      {data?.nextPageToken && (
        <Text size="sm" c="dimmed">
          {words.atLeast(COUNTED.toLocaleString())}
        </Text>
      )}
    </Box>
  );
}

function QuotaInShort({ project }: { project: string }) {
  const metrics = useMetrics();
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/quota/usage", {
    params: { path: { project } },
  });
  const fullest = byFullness(data?.usage ?? []).slice(0, METRICS);
  return (
    <Box
      title={words.quota}
      link={
        <Anchor component={Link} to={`/projects/${encodeURIComponent(project)}/quota`} size="sm">
          {words.quotaAll}
        </Anchor>
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows rows={3} />
      ) : (
        <Stack gap="sm">
          {fullest.map((u) => (
            <UsageBar key={u.metric} usage={u} title={metrics.get(u.metric)?.displayName || u.metric} />
          ))}
        </Stack>
      )}
    </Box>
  );
}

function Recent({ project }: { project: string }) {
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/events", {
    params: { path: { project }, query: { pageSize: EVENTS } },
  });
  return (
    <Box
      title={words.recent}
      link={
        <Anchor component={Link} to={`/projects/${encodeURIComponent(project)}/audit`} size="sm">
          {words.auditAll}
        </Anchor>
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows rows={3} />
      ) : data.events.length === 0 ? (
        <Text c="dimmed">{words.noEvents}</Text>
      ) : (
        <Stack gap={6}>
          {data.events.map((e) => (
            <Group key={e.name} gap="sm" wrap="nowrap" align="baseline">
              <Text size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>
                <Time at={e.time} />
              </Text>
              <Text size="sm" style={{ minWidth: 0, overflowWrap: "anywhere" }}>
                <ResourceLink name={e.resource} project={project} inText /> {e.message}
              </Text>
            </Group>
          ))}
        </Stack>
      )}
    </Box>
  );
}
