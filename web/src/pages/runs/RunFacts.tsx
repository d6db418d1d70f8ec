import { Paper, SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { length } from "~/lib/time";
import { runs as words } from "~/text/runs";

// What a run is, who has it, and how long it waited and took.
export function RunFacts({ run }: { run: Schemas["Run"] }) {
  const now = useNow();
  const at = (time: string | undefined) => (time ? Date.parse(time) : now);
  const waited = (at(run.startTime ?? run.endTime) - at(run.createTime)) / 1000;
  const took = run.startTime ? (at(run.endTime) - at(run.startTime)) / 1000 : undefined;
  const others = Number(run.generation) - 1;
  return (
    <Paper withBorder p="md">
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="md">
        <Fact label={words.started}>
          <Time at={run.startTime ?? run.createTime} />
        </Fact>
        <Fact label={run.endTime ? words.took : words.since}>{took === undefined ? words.none : length(took)}</Fact>
        <Fact label={words.waited}>{length(waited)}</Fact>
        {run.revision !== "0" && <Fact label={words.revision}>{run.revision}</Fact>}
        <Fact label={words.engine}>{run.engine || words.none}</Fact>
        <Fact label={words.runner}>
          {run.runner || words.none}
          {others > 0 && (
            <Text size="xs" c="dimmed">
              {others === 1 ? words.takenOverOnce : words.takenOver(others.toLocaleString())}
            </Text>
          )}
        </Fact>
      </SimpleGrid>
    </Paper>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text component="div" style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}
