import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { FormError } from "~/components/FormDialog";
import { PlanDiff } from "~/components/PlanDiff";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { runIds } from "~/lib/names";
import { secondsOf, span } from "~/lib/time";
import { stackText } from "~/text/stack";

import type { Can, Deeds, Stack as StackOf } from "./calls";
import { Repair } from "./Repair";
import { useDriftCheck } from "./useDriftCheck";

const words = stackText.drift;

interface Props {
  stack: StackOf;
  deeds: Deeds;
  can: Can;
  version: Schemas["TemplateVersion"] | undefined;
}

// How far reality is from what was applied.
export function Drift({ stack, deeds, can, version }: Props) {
  const [repairing, setRepairing] = useState(false);
  const { check, isPending, error } = useDriftCheck(stack);
  const { data: run } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/runs/{run}",
    { params: { path: runIds(stack.activeRun) } },
    { enabled: stack.activeRun !== "" && can.has("runs.get") },
  );
  const mayCheck = deeds.has("checkDrift") && can.has("stacks.update");
  const mayRepair = deeds.has("repairDrift") && can.has("stacks.update");
  const running = stack.activeRun !== "" && run?.type === "REFRESH";
  const every = secondsOf(version?.drift?.interval);
  const { drift } = stack;
  return (
    <Stack>
      <Group justify="space-between" gap="sm">
        <Text size="sm" component="div" role="status">
          {running && `${words.running} `}
          {drift?.checkTime && (
            <>
              {words.checked} <Time at={drift.checkTime} />.{" "}
            </>
          )}
          {version && (every > 0 ? words.every(span(every)) : words.notScheduled)}
        </Text>
        <Group gap="xs">
          {mayCheck && (
            <Button variant="default" loading={isPending} onClick={check}>
              {stackText.deeds.checkDrift}
            </Button>
          )}
          {mayRepair && <Button onClick={() => setRepairing(true)}>{stackText.deeds.repairDrift}</Button>}
        </Group>
      </Group>
      <FormError error={error} />
      {!drift?.checkTime ? (
        <Empty title={words.never} text={words.neverText} />
      ) : drift.changes.length === 0 ? (
        <Empty title={words.none} text={words.noneText} />
      ) : (
        <>
          <Title order={2} size="h5">
            {words.differs(drift.changes.length)}
          </Title>
          {drift.changes.length >= 100 && <Text size="sm">{words.atMost}</Text>}
          <PlanDiff changes={drift.changes} />
        </>
      )}
      {repairing && <Repair stack={stack} onClose={() => setRepairing(false)} />}
    </Stack>
  );
}
