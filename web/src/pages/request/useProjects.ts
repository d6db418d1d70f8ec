import { queries, type Schemas } from "~/api/client";
import { useAllowed, useCan } from "~/api/session";

const CREATE = "stacks.create";
// With more projects than this, each is asked for only once it is chosen.
const MOST_ASKED = 60;

// The projects where the user may ask for stacks; undefined until that is known.
export function useProjects(): { projects: Schemas["Project"][] | undefined; error: unknown } {
  const everywhere = useCan("", [CREATE]);
  const { data, error } = queries.useQuery("get", "/v1/projects", { params: { query: { pageSize: 1000 } } });
  const all = data?.projects;
  const few = everywhere !== undefined && !everywhere.has(CREATE) && all !== undefined && all.length <= MOST_ASKED;
  const allowed = useAllowed(few ? all.map((p) => p.name) : [], CREATE);
  if (!everywhere || !all || !allowed) return { projects: undefined, error };
  return { projects: few ? all.filter((p) => allowed.has(p.name)) : all, error };
}
