import { Alert, Button, Drawer, Group, Stack, Text, Title } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { PlanCounts } from "~/components/ActionMark";
import { Amounts, Price } from "~/components/Amounts";
import { PlanDiff } from "~/components/PlanDiff";
import { StateBadge } from "~/components/StateBadge";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { versionLabel } from "~/lib/stackState";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

import { NamedValues } from "./NamedValues";
import { Value } from "./Value";

type Revision = Schemas["Revision"];
const words = stackText.revisions;

interface Props {
  revision: Revision | undefined;
  onClose: () => void;
  onRollback?: () => void;
}

export function RevisionDetails({ revision, onClose, onRollback }: Props) {
  return (
    <Drawer
      opened={revision !== undefined}
      onClose={onClose}
      position="right"
      size="xl"
      title={revision && words.title(revision.number)}
      closeButtonProps={{ "aria-label": common.close }}
    >
      {revision && (
        <Stack>
          <Group justify="space-between" gap="sm">
            <Group gap="xs">
              <StateBadge state={revision.state} size="sm" />
              <Text size="sm" component="div">
                {versionLabel(revision.templateVersion)} · {last(revision.creator)} · <Time at={revision.createTime} />
              </Text>
            </Group>
            {onRollback && (
              <Button size="xs" variant="default" onClick={onRollback}>
                {words.rollback}
              </Button>
            )}
          </Group>
          {revision.reason && <Text size="sm">{revision.reason}</Text>}
          <Parameters values={revision.parameters} />
          <Planned plan={revision.plan} />
        </Stack>
      )}
    </Drawer>
  );
}

function Parameters({ values }: { values: Record<string, unknown> | undefined }) {
  const entries = Object.entries(values ?? {});
  return (
    <div>
      <Title order={3} size="h5">
        {words.parameters}
      </Title>
      {entries.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.noParameters}
        </Text>
      ) : (
        <NamedValues pairs={entries.map(([name, value]) => ({ name, value: <Value name={name} value={value} /> }))} />
      )}
    </div>
  );
}

function Planned({ plan }: { plan: Revision["plan"] }) {
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {words.planTitle}
      </Title>
      {plan ? (
        <>
          <Group gap="md">
            <Text size="sm" component="div">
              <PlanCounts counts={plan} short />
            </Text>
            <Text size="sm" component="div">
              <Amounts amounts={plan.amounts} />
            </Text>
            <Text size="sm" component="div">
              <Price micros={plan.estimatedMicrosPerHour} currency={plan.currency} />
            </Text>
          </Group>
          {plan.stale && <Alert color="yellow">{words.stale}</Alert>}
          {plan.changes.length > 0 || plan.changedOutputs.length > 0 ? (
            <PlanDiff changes={plan.changes} changedOutputs={plan.changedOutputs} />
          ) : (
            <Text size="sm" c="dimmed">
              {words.noChanges}
            </Text>
          )}
        </>
      ) : (
        <Text size="sm" c="dimmed">
          {words.noPlan}
        </Text>
      )}
    </Stack>
  );
}
