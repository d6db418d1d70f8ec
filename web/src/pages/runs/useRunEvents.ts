import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "~/api/client";
import { follow, type StreamState } from "~/api/stream";
import { NOTHING_YET, type RunProgress, take } from "~/lib/runProgress";

// Events come in bursts: they are drawn once for each.
const BURST_MS = 100;

interface Ids {
  project: string;
  stack: string;
  run: string;
}

export const runPath = ({ project, stack, run }: Ids) =>
  `/v1/projects/${encodeURIComponent(project)}/stacks/${encodeURIComponent(stack)}/runs/${encodeURIComponent(run)}`;

// What a run has done and does, from its first event on. The stream begins with what is past, and
// goes on behind the last event after a break; what comes twice all the same changes nothing.
export function useRunEvents({ project, stack, run }: Ids): { progress: RunProgress; stream: StreamState } {
  const client = useQueryClient();
  const [progress, setProgress] = useState(NOTHING_YET);
  const [stream, setStream] = useState<StreamState>("connecting");
  useEffect(() => {
    let held: Schemas["RunEvent"][] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer = undefined;
      const events = held;
      held = [];
      setProgress((before) => take(before, events));
    };
    // Steps and the end change the run itself.
    const readRun = () =>
      void client.invalidateQueries({
        queryKey: [
          "get",
          "/v1/projects/{project}/stacks/{stack}/runs/{run}",
          { params: { path: { project, stack, run } } },
        ],
      });
    const stop = follow<Schemas["WatchRunResponse"]>(`${runPath({ project, stack, run })}:watch`, undefined, {
      onMessage: ({ event }) => {
        if (!event) return;
        held.push(event);
        timer ??= setTimeout(draw, BURST_MS);
        if (event.stepStarted || event.stepFinished) readRun();
      },
      onState: (state) => {
        setStream(state);
        if (state === "ended") readRun();
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
      setProgress(NOTHING_YET);
    };
  }, [client, project, stack, run]);
  return { progress, stream };
}
