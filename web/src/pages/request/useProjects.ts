import { useQueries } from "@tanstack/react-query";

import { queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";

const CREATE = "stacks.create";
// With more projects than this, each is asked for only once it is chosen.
const MOST_ASKED = 60;

const test = (resource: string) =>
  queries.queryOptions(
    "post",
    "/v1/permissions:test",
    { body: { resource, permissions: [CREATE] } },
    { staleTime: 30_000 },
  );

// The projects where the user may ask for stacks; undefined until that is known.
export function useProjects(): { projects: Schemas["Project"][] | undefined; error: unknown } {
  const everywhere = useCan("", [CREATE]);
  const { data, error } = queries.useQuery("get", "/v1/projects", { params: { query: { pageSize: 1000 } } });
  const all = data?.projects;
  const few = everywhere !== undefined && !everywhere.has(CREATE) && all !== undefined && all.length <= MOST_ASKED;
  const tests = useQueries({ queries: few ? all.map((p) => test(p.name)) : [] });
  if (!everywhere || !all) return { projects: undefined, error };
  if (!few) return { projects: all, error };
  if (tests.some((t) => t.isPending)) return { projects: undefined, error };
  return { projects: all.filter((_, i) => tests[i]?.data?.permissions.includes(CREATE)), error };
}
