import { keepPreviousData, type QueryClient, useQuery } from "@tanstack/react-query";

import { api, queries, type Schemas } from "~/api/client";
import { paced, pagesKey } from "~/api/lists";
import { useMe } from "~/api/session";
import { useNow } from "~/lib/clock";
import { part } from "~/lib/names";
import { readPages } from "~/lib/pages";
import { waitsForReview } from "~/lib/review";

const REQUESTS = "/v1/projects/{project}/changeRequests";
const REVIEW = "changeRequests.review";

interface Options {
  // What else they have to be.
  filter?: string;
  pageSize: number;
  pageToken?: string;
  // So many are sought.
  enough: number;
  everyMs: number;
}

// Which of some projects one may review in.
async function reviewable(client: QueryClient, projects: string[]): Promise<Set<string>> {
  const may = await Promise.all(
    projects.map((project) =>
      client.fetchQuery({
        ...queries.queryOptions("post", "/v1/permissions:test", {
          body: { resource: `projects/${project}`, permissions: [REVIEW] },
        }),
        staleTime: 30_000,
      }),
    ),
  );
  return new Set(projects.filter((_, i) => may[i]?.permissions.includes(REVIEW)));
}

// Open requests that wait for who is signed in. Whether they do is told by roles, which no filter
// knows: pages are read on until there are enough.
export function useWaiting({ filter, pageSize, pageToken, enough, everyMs }: Options) {
  const me = useMe();
  const now = useNow();
  const own = filter ? ` AND (${filter})` : "";
  const query = { filter: `state = PENDING AND requester != "${me?.user?.name ?? ""}"${own}`, pageSize, pageToken };
  const path = { project: "-" };
  const { data, error, refetch } = useQuery({
    queryKey: pagesKey(REQUESTS, { path, query }),
    queryFn: ({ client, signal }) =>
      readPages(
        async (token) => {
          const { data: page } = await api.GET(REQUESTS, {
            params: { path, query: { ...query, pageToken: token } },
            signal,
          });
          const open = (page?.changeRequests ?? []).filter((r) => me && waitsForReview(r, me, true, Date.now()));
          const may = await reviewable(client, [...new Set(open.map(projectOf))]);
          const rows = open.filter((r) => me && waitsForReview(r, me, may.has(projectOf(r)), Date.now()));
          return { rows, nextPageToken: page?.nextPageToken ?? "" };
        },
        (rows) => rows.length >= enough,
        pageToken,
      ),
    enabled: me !== undefined,
    refetchInterval: paced(everyMs),
    placeholderData: keepPreviousData,
  });
  // Some run out while they are shown.
  const rows = me && data?.rows.filter((r) => waitsForReview(r, me, true, now));
  return { rows, nextPageToken: data?.nextPageToken ?? "", error: data ? undefined : error, refetch };
}

const projectOf = (request: Schemas["ChangeRequest"]) => part(request.name, "projects");
