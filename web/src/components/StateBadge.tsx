import { Badge, Loader } from "@mantine/core";

import { common } from "~/text/common";

const COLOURS: Record<string, string> = {
  READY: "green",
  SUCCEEDED: "green",
  APPLIED: "green",
  APPROVED: "green",
  ACTIVE: "green",
  COMMITTED: "green",
  FAILED: "red",
  REJECTED: "red",
  AWAITING_APPROVAL: "yellow",
  OPEN: "yellow",
  STALE: "yellow",
  CANCELLED: "orange",
  EXPIRED: "orange",
  DEPRECATED: "orange",
};
const BUSY = new Set(["PENDING", "PLANNING", "APPLYING", "DESTROYING", "RUNNING", "QUEUED", "PREPARING"]);

// The state of a stack, run, revision or request: by colour, word and, where it is under way, a
// movement.
export function StateBadge({ state, size = "md" }: { state: string; size?: "sm" | "md" | "lg" }) {
  const busy = BUSY.has(state);
  return (
    <Badge
      variant="light"
      size={size}
      color={COLOURS[state] ?? (busy ? "blue" : "gray")}
      tt="none"
      data-state={state}
      leftSection={busy ? <Loader size={10} color="currentColor" aria-hidden /> : undefined}
      styles={{ root: { flexShrink: 0 }, label: { color: "var(--mantine-color-text)" } }}
    >
      {common.states[state] ?? state}
    </Badge>
  );
}
