import { Text } from "@mantine/core";

import type { StreamState } from "~/api/stream";
import { common } from "~/text/common";

const COLOURS = { live: "green", connecting: "gray", away: "orange", ended: "gray" };

// How the page's stream is doing, in a word; told to readers when it changes.
export function LiveState({ state }: { state: StreamState }) {
  return (
    <Text span inherit aria-live="polite" data-stream={state}>
      <Text span inherit c={COLOURS[state]} aria-hidden>
        ●
      </Text>{" "}
      {common.live[state]}
    </Text>
  );
}
