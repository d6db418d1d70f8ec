import createClient, { type Middleware } from "openapi-fetch";
import createQueries from "openapi-react-query";

import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

// The header that tells our own pages from those of other sites.
export const CONSOLE_HEADER = { "X-Stackyard-Console": "1" };

// What the API says when it says no.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem?.detail || problem?.title || `The server answered ${status}`);
  }
  get reason() {
    return this.problem?.reason;
  }
}

// The server could not be reached at all.
export class Unreachable extends Error {}

const answers: Middleware = {
  async onResponse({ response }) {
    if (response.ok || response.status === 304) return undefined;
    throw await errorOf(response);
  },
  onError({ error }) {
    if (error instanceof ApiError || (error instanceof DOMException && error.name === "AbortError")) return error;
    return new Unreachable("The server cannot be reached");
  },
};

export async function errorOf(response: Response): Promise<ApiError> {
  let problem: Problem | undefined;
  if (response.headers.get("content-type")?.includes("json")) {
    problem = (await response.json().catch(() => undefined)) as Problem | undefined;
  }
  if (response.status === 401) signedOut();
  return new ApiError(response.status, problem);
}

let listener = () => {};
// To be told when the session has ended.
export function onSignedOut(heard: () => void) {
  listener = heard;
}
function signedOut() {
  listener();
}

export const api = createClient<paths>({ baseUrl: "/", headers: CONSOLE_HEADER });
api.use(answers);

// `queries.useQuery("get", "/v1/…", { params })`: typed hooks of TanStack Query for every path.
export const queries = createQueries(api);
