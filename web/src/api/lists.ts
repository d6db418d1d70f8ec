import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { type Read, readPages } from "~/lib/pages";

import { api, type Schemas } from "./client";

const RUNS = "/v1/projects/{project}/stacks/{stack}/runs";
const EVENTS = "/v1/projects/{project}/events";

interface Options<T> {
  // Pages are read until this holds.
  enough: (rows: T[]) => boolean;
  enabled?: boolean;
  // Read anew as often, and more rarely where it takes many pages.
  everyMs?: number;
}

interface Query {
  filter: string;
  pageSize: number;
}

export const paced =
  (everyMs: number | undefined) =>
  ({ state }: { state: { data?: Pick<Read<unknown>, "pages"> } }) =>
    everyMs && everyMs * (state.data?.pages ?? 1);

// Keys are those of `queries`, with a word more: what an event touches is found by them.
export const pagesKey = (path: string, params: object) => ["get", path, { params }, "pages"];

// Runs that match: those of one stack newest first, those of all by stack.
export function useRuns(
  path: { project: string; stack: string },
  query: Query,
  { enough, enabled, everyMs }: Options<Schemas["Run"]>,
) {
  return useQuery({
    queryKey: pagesKey(RUNS, { path, query }),
    queryFn: ({ signal }) =>
      readPages(async (pageToken) => {
        const { data } = await api.GET(RUNS, { params: { path, query: { ...query, pageToken } }, signal });
        return { rows: data?.runs ?? [], nextPageToken: data?.nextPageToken ?? "" };
      }, enough),
    enabled,
    refetchInterval: paced(everyMs),
    // What is read anew stays until the new is there; another stack's runs do not.
    placeholderData: everyMs ? keepPreviousData : undefined,
  });
}

// The newest events of a project that match.
export function useEvents(project: string, query: Query, { enough, enabled }: Options<Schemas["Event"]>) {
  const path = { project };
  return useQuery({
    queryKey: pagesKey(EVENTS, { path, query }),
    queryFn: ({ signal }) =>
      readPages(async (pageToken) => {
        const { data } = await api.GET(EVENTS, { params: { path, query: { ...query, pageToken } }, signal });
        return { rows: data?.events ?? [], nextPageToken: data?.nextPageToken ?? "" };
      }, enough),
    enabled,
  });
}
