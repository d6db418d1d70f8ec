import { Progress, Stack, Text, VisuallyHidden } from "@mantine/core";

import type { Schemas } from "~/api/client";
import type { RunProgress } from "~/lib/runProgress";
import { runs as words } from "~/text/runs";

const WORKS = new Set(["APPLY", "DESTROY"]);

// How far a run is, as true as it is known: of the resources that it has to touch.
export function RunProgressBar(props: { run: Schemas["Run"]; progress: RunProgress; ended: boolean }) {
  const { run, progress, ended } = props;
  if (run.state === "QUEUED") return <Text c="dimmed">{words.waits}</Text>;
  if (!WORKS.has(run.type)) return null;
  // The stream tells the same earlier; before it has begun, the run tells.
  const { total, done, failed } = progress.last > 0 ? progress : (run.progress ?? progress);
  if (total === 0) return null;
  return (
    <Stack gap={4}>
      <Progress.Root size="lg" aria-hidden>
        <Progress.Section value={(done / total) * 100} color="green" animated={!ended} striped={!ended} />
        <Progress.Section value={(failed / total) * 100} color="red" />
      </Progress.Root>
      <Text size="sm">
        {words.progressOf(done, total)}
        {failed > 0 && `, ${words.failedOf(failed)}`}
      </Text>
      {/* Each resource would be too much to listen to. */}
      <VisuallyHidden aria-live="polite">{words.quarters(Math.floor((done / total) * 4) * 25)}</VisuallyHidden>
    </Stack>
  );
}
