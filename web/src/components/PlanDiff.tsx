import { List } from "@mantine/core";

import type { Schemas } from "~/api/client";

// What a plan changes, by address.
export function PlanDiff({ changes }: { changes: Schemas["ResourceChange"][]; changedOutputs?: string[] }) {
  return (
    <List size="sm">
      {changes.map((c) => (
        <List.Item key={c.address}>
          {c.action} {c.address}
        </List.Item>
      ))}
    </List>
  );
}
