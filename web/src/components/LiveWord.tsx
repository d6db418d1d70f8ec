import { Group, Text } from "@mantine/core";
import { IconCircleFilled } from "@tabler/icons-react";

import type { StreamState } from "~/api/stream";
import { common } from "~/text/common";

const COLOURS = { live: "green", connecting: "gray", away: "orange", ended: "gray" };

// Whether what is shown follows what happens.
export function LiveWord({ state }: { state: StreamState }) {
  return (
    <Group gap={6} role="status" data-stream={state}>
      <Text span c={COLOURS[state]} lh={1}>
        <IconCircleFilled size={8} aria-hidden />
      </Text>
      <Text span inherit>
        {common.live[state]}
      </Text>
    </Group>
  );
}
