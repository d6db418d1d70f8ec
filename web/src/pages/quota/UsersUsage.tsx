import { Paper, SimpleGrid, Stack, Title } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { Empty } from "~/components/States";
import { byFullness } from "~/lib/usage";
import { quota } from "~/text/quota";

import { UsageBar, useMetrics } from "./UsageCards";

// What each user holds, of the limit that binds them.
export function UsersUsage({ usage }: { usage: Schemas["Usage"][] }) {
  const metrics = useMetrics();
  const users = [...new Set(usage.map((u) => u.user))].sort();
  if (users.length === 0) return <Empty title={quota.users.empty} />;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {users.map((user) => (
        <Paper key={user} withBorder p="sm">
          <Stack gap="sm">
            <Title order={3} size="h5">
              {user}
            </Title>
            {byFullness(usage.filter((u) => u.user === user)).map((u) => (
              <UsageBar key={u.metric} usage={u} title={metrics.get(u.metric)?.displayName || u.metric} />
            ))}
          </Stack>
        </Paper>
      ))}
    </SimpleGrid>
  );
}
