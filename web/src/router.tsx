import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";

import type { ComponentType } from "react";

import { ApiError } from "~/api/client";
import { session } from "~/api/session";
import { Shell } from "~/components/Shell";
import { Failed, LoadingPage } from "~/components/States";
import { type ListSearch, listSearch } from "~/lib/listSearch";

interface Context {
  client: QueryClient;
}
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

// The type of what is loaded is not looked into: pages are typed by the routes, not routes by pages.
const lazy = (load: () => Promise<{ default: ComponentType }>) => lazyRouteComponent(load);

const root = createRootRouteWithContext<Context>()();

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { returnTo?: string; ended?: boolean } => ({
    returnTo: text(search.returnTo),
    ended: search.ended === true ? true : undefined,
  }),
  component: lazy(() => import("~/pages/SignIn")),
});

// All pages that need someone signed in.
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ context, location }): Promise<void> => {
    const { signedIn } = await context.client.ensureQueryData(session);
    if (!signedIn) throw redirect({ to: "/sign-in", search: { returnTo: location.href } });
  },
});

// The state of a page's tabs; the list of the open tab has its own keys beside it.
const tabbed = (search: Record<string, unknown>): ListSearch & { tab?: string; show?: string } => ({
  tab: text(search.tab),
  // More, or fewer, of a list's rows than it shows by itself.
  show: text(search.show),
  ...listSearch(search),
});

const page = <Path extends string>(path: Path, load: () => Promise<{ default: ComponentType }>) =>
  createRoute({
    getParentRoute: () => inside,
    path,
    validateSearch: tabbed,
    component: lazy(load),
  });

const requestStack = createRoute({
  getParentRoute: () => inside,
  path: "/catalogue/$template/request",
  // Where the form is filled from: a project, a version, a stack that is copied.
  validateSearch: (search: Record<string, unknown>): { project?: string; version?: string; copyOf?: string } => ({
    project: text(search.project),
    version: text(search.version),
    copyOf: text(search.copyOf),
  }),
  component: lazy(() => import("~/pages/RequestStack")),
});

// Within the frame, so that one finds back.
const nowhere = createRoute({
  getParentRoute: () => inside,
  path: "$",
  component: () => <Failed page error={new ApiError(404, undefined)} />,
});

const routes = root.addChildren([
  signIn,
  inside.addChildren([
    page("/", () => import("~/pages/Overview")),
    page("/stacks", () => import("~/pages/Stacks")),
    page("/catalogue", () => import("~/pages/Catalogue")),
    page("/catalogue/$template", () => import("~/pages/Template")),
    requestStack,
    page("/reviews", () => import("~/pages/Reviews")),
    page("/projects", () => import("~/pages/Projects")),
    page("/projects/$project", () => import("~/pages/Project")),
    page("/projects/$project/quota", () => import("~/pages/Quota")),
    page("/projects/$project/audit", () => import("~/pages/Audit")),
    page("/projects/$project/stacks/$stack", () => import("~/pages/Stack")),
    page("/projects/$project/stacks/$stack/update", () => import("~/pages/UpdateStack")),
    page("/projects/$project/stacks/$stack/runs/$run", () => import("~/pages/Run")),
    page("/projects/$project/changeRequests/$changeRequest", () => import("~/pages/ChangeRequest")),
    page("/notices", () => import("~/pages/Notices")),
    page("/settings", () => import("~/pages/Settings")),
    page("/admin/users", () => import("~/pages/Users")),
    page("/admin/roles", () => import("~/pages/Roles")),
    page("/admin/denials", () => import("~/pages/Denials")),
    page("/admin/templates", () => import("~/pages/Templates")),
    page("/admin/system", () => import("~/pages/System")),
    nowhere,
  ]),
]);

export const router = createRouter({
  routeTree: routes,
  // Given by RouterProvider.
  context: { client: undefined as unknown as QueryClient },
  defaultPreload: "intent",
  defaultPendingComponent: LoadingPage,
  defaultErrorComponent: ({ error, reset }) => <Failed page error={error} onRetry={reset} />,
  defaultNotFoundComponent: () => <Failed page error={new ApiError(404, undefined)} />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
