import type { Query, QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { part } from "~/lib/names";

import type { Schemas } from "./client";
import { follow, type StreamState } from "./stream";

type Event = Schemas["Event"];

// What a query of `queries` is about, read from its key: [method, path, { params }].
function idsOf(query: Query): Record<string, string> | undefined {
  const [, path, init] = query.queryKey as [unknown, unknown, { params?: { path?: Record<string, string> } }?];
  return typeof path === "string" && path.startsWith("/v1/") ? (init?.params?.path ?? {}) : undefined;
}

// Whether what a query holds may have changed by an event of the project.
export function touches(event: Event, ids: Record<string, string>): boolean {
  const project = part(event.name, "projects");
  if (ids.project !== undefined && ids.project !== "-" && ids.project !== project) return false;
  const stack = part(event.resource, "stacks");
  if (ids.stack !== undefined && stack !== "") return ids.stack === stack;
  return ids.project !== undefined;
}

// Events come in bursts: what they touch is read again once for each burst.
const BURST_MS = 150;

function reader(client: QueryClient) {
  let held: Event[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    take(event: Event) {
      held.push(event);
      timer ??= setTimeout(() => {
        const events = held;
        held = [];
        timer = undefined;
        void client.invalidateQueries({
          predicate: (query) => {
            const ids = idsOf(query);
            return ids !== undefined && events.some((e) => touches(e, ids));
          },
        });
      }, BURST_MS);
    },
    end: () => clearTimeout(timer),
  };
}

// Follows a project: whatever the page shows of it is read again when it changes. Answers how the
// stream is doing. Without a project it does nothing.
export function useLiveProject(project: string | undefined): StreamState {
  const client = useQueryClient();
  const [state, setState] = useState<StreamState>("connecting");
  useEffect(() => {
    if (!project || project === "-") return undefined;
    const read = reader(client);
    let wasAway = false;
    const stop = follow<{ event?: Event }>(`/v1/projects/${encodeURIComponent(project)}/events:watch`, undefined, {
      onMessage: (message) => message.event && read.take(message.event),
      onState: (now) => {
        setState(now);
        // Without a token yet, nothing tells what happened meanwhile.
        if (now === "away") wasAway = true;
        if (now === "live" && wasAway) {
          wasAway = false;
          void client.invalidateQueries();
        }
      },
    });
    return () => {
      read.end();
      stop();
    };
  }, [client, project]);
  return state;
}
