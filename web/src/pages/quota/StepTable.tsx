import { Accordion, Badge, Group, Stack, Text } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { ResourceLink } from "~/components/ResourceLink";
import { PlainTable } from "~/components/ResourceTable";
import { absolute } from "~/lib/time";
import { type Cause, causesOf } from "~/lib/usage";
import { quota as words } from "~/text/quota";

interface Props {
  project: string;
  metric: string;
  user: string;
  points: Schemas["UsagePoint"][];
}
const MOST = 200;

// The chart in numbers, with what begins and ends at each step.
export function StepTable({ project, metric, user, points }: Props) {
  const path = { project };
  const all = { params: { path, query: { pageSize: 1000 } } };
  const reservations = queries.useQuery("get", "/v1/projects/{project}/quota/reservations", all);
  const grants = queries.useQuery("get", "/v1/projects/{project}/quota/grants", all);
  const mine = (of: { user: string }) => user === "" || of.user === user;
  const held = reservations.data?.reservations.filter(mine) ?? [];
  const granted = grants.data?.quotaGrants.filter((g) => (user === "" ? g.user === "" : g.user === user)) ?? [];

  return (
    <Accordion variant="contained">
      <Accordion.Item value="table">
        <Accordion.Control>
          <Group gap="xs">
            <Text size="sm">{words.table}</Text>
            <Badge variant="default" size="sm">
              {points.length}
            </Badge>
          </Group>
        </Accordion.Control>
        <Accordion.Panel>
          <PlainTable
            label={words.table}
            head={[words.from, words.held, words.limit, words.why]}
            rows={points
              .slice(0, MOST)
              .map((p, i) => [
                absolute(p.time ?? ""),
                Number(p.used).toLocaleString(),
                Number(p.limit).toLocaleString(),
                i === 0 ? (
                  words.atStart
                ) : (
                  <Causes
                    key="causes"
                    of={causesOf(Date.parse(p.time ?? ""), metric, held, granted)}
                    project={project}
                  />
                ),
              ])}
          />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

function Causes({ of, project }: { of: Cause[]; project: string }) {
  return (
    <Stack gap={2}>
      {of.map((c) => (
        <Text key={`${c.kind} ${c.name}`} size="sm">
          {words.causes[c.kind](c.amount.toLocaleString())} <ResourceLink name={c.name} project={project} inText />
        </Text>
      ))}
    </Stack>
  );
}
