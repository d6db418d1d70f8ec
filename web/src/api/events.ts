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

// Events come in bursts, and a busy project never rests: what they touch is read again at most so often.
const BURST_MS = 150;
const REST_MS = 1_000;

// Reads again what events touch. What is on its way stays on its way: were it begun anew with each event,
// a slow answer would never arrive, nor a next page that somebody waits for.
export function reader(client: QueryClient) {
  let held: Event[] = [];
  let everything = false;
  let busy = false;
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read() {
    timer = undefined;
    const events = held;
    const all = everything;
    held = [];
    everything = false;
    busy = true;
    const touched = (query: Query) => {
      const ids = idsOf(query);
      return ids?.project !== undefined && (all || events.some((e) => touches(e, ids)));
    };
    const underWay = (query: Query) => query.state.fetchStatus === "fetching" && touched(query);
    // An answer that was asked for before the event may be older than it.
    const again = client.getQueryCache().findAll({ predicate: underWay }).length > 0;
    await client.invalidateQueries({ predicate: touched }, { cancelRefetch: false });
    busy = false;
    if (again) held = [...events, ...held];
    everything ||= again && all;
    if (held.length > 0 || everything) later(REST_MS);
  }
  function later(ms: number) {
    if (!busy && !ended) timer ??= setTimeout(() => void read(), ms);
  }
  let last = 0;
  const soon = () => {
    const pause = Math.max(BURST_MS, last + REST_MS - Date.now());
    last = Date.now() + pause;
    later(pause);
  };
  return {
    take(event: Event) {
      held.push(event);
      soon();
    },
    // Nothing tells what happened meanwhile.
    takeAll() {
      everything = true;
      soon();
    },
    end() {
      ended = true;
      clearTimeout(timer);
    },
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
    // What was read before the stream began may be older than it.
    let wasAway = true;
    const stop = follow<{ event?: Event }>(`/v1/projects/${encodeURIComponent(project)}/events:watch`, undefined, {
      onMessage: (message) => message.event && read.take(message.event),
      onState: (now) => {
        setState(now);
        if (now === "away") wasAway = true;
        if (now === "live" && wasAway) {
          wasAway = false;
          read.takeAll();
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
