import { Group, Text } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { stackText } from "~/text/stack";

const words = stackText.counts;

// A plan in short: "+5 ~1 −2", and in words for readers.
export function PlanCounts({ plan }: { plan: Schemas["Plan"] | undefined }) {
  if (!plan) return null;
  const counts = [
    { sign: "+", n: plan.toCreate, word: words.create },
    { sign: "~", n: plan.toUpdate, word: words.update },
    { sign: "±", n: plan.toReplace, word: words.replace },
    { sign: "−", n: plan.toDestroy, word: words.destroy },
  ].filter((c) => c.n > 0);
  if (counts.length === 0) {
    return (
      <Text span inherit c="dimmed">
        {words.nothing}
      </Text>
    );
  }
  const said = counts.map((c) => c.word(c.n)).join(", ");
  return (
    <Group gap={8} component="span" display="inline-flex" role="img" aria-label={said} title={said} wrap="nowrap">
      {counts.map((c) => (
        <Text key={c.sign} span inherit ff="monospace">
          {c.sign}
          {c.n.toLocaleString()}
        </Text>
      ))}
    </Group>
  );
}
