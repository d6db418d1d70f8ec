import { Group, Text } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { perHour, perMonth } from "~/lib/money";
import { common } from "~/text/common";

// Quota quantities: "2 vcpus · 1 stacks".
export function Amounts({ amounts }: { amounts: Schemas["Amount"][] | undefined }) {
  if (!amounts?.length) return null;
  return (
    <Group gap={6} component="span" display="inline-flex">
      {amounts.map((a, i) => (
        <Text key={a.metric} span inherit>
          {i > 0 && <span aria-hidden>· </span>}
          <b>{Number(a.value).toLocaleString()}</b> {a.metric}
        </Text>
      ))}
    </Group>
  );
}

// What something costs, where its template has prices.
export function Price({ micros, currency }: { micros: string | undefined; currency: string | undefined }) {
  const hour = perHour(micros, currency);
  if (!hour) return null;
  return (
    <Text span inherit>
      {common.price(hour, perMonth(micros, currency))}
    </Text>
  );
}
