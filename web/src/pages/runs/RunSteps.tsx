import { Group, Loader, Paper, Text, Title } from "@mantine/core";
import { IconCircleCheck, IconCircleDashed, IconCircleX } from "@tabler/icons-react";

import { useNow } from "~/lib/clock";
import type { Step } from "~/lib/runProgress";
import { length } from "~/lib/time";
import { runs as words } from "~/text/runs";

// What a run does one after another, and how long each step took.
export function RunSteps({ steps, ended }: { steps: Step[]; ended: boolean }) {
  const now = useNow();
  if (steps.length === 0) return null;
  return (
    <section aria-label={words.steps}>
      <Title order={2} size="h4" mb="xs">
        {words.steps}
      </Title>
      <Group gap="xs" component="ol" p={0} m={0} style={{ listStyle: "none" }}>
        {steps.map((step, i) => {
          const over = step.seconds !== undefined;
          // A step is over, too, when another one has begun.
          const going = !over && !ended && i === steps.length - 1;
          const seconds = step.seconds ?? (going ? (now - step.startedAt) / 1000 : undefined);
          return (
            <Paper key={i} component="li" withBorder px="sm" py={6}>
              <Group gap={6} wrap="nowrap">
                {step.failed ? (
                  <IconCircleX size={18} color="var(--mantine-color-red-6)" aria-hidden />
                ) : over ? (
                  <IconCircleCheck size={18} color="var(--mantine-color-green-6)" aria-hidden />
                ) : going ? (
                  <Loader size={16} aria-hidden />
                ) : (
                  <IconCircleDashed size={18} aria-hidden />
                )}
                <Text size="sm" fw={600}>
                  {words.stepNames[step.name] ?? step.name}
                </Text>
                <Text size="sm" c="dimmed">
                  {seconds !== undefined && length(seconds)}
                  {step.failed && `, ${words.stepFailed}`}
                  {going && `, ${words.stepRunning}`}
                  {!over && !going && words.stepOver}
                </Text>
              </Group>
            </Paper>
          );
        })}
      </Group>
    </section>
  );
}
