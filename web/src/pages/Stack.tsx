import { Alert, Group, Stack, Tabs, Text, VisuallyHidden } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { queries } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { useCan } from "~/api/session";
import { FormError } from "~/components/FormDialog";
import { Page } from "~/components/Page";
import { StateBadge } from "~/components/StateBadge";
import { Failed, LoadingPage } from "~/components/States";
import { Time } from "~/components/Time";
import { requestIds, versionIds } from "~/lib/names";
import { inWords, isGone, possibleDeeds, waitsFor } from "~/lib/stackState";
import { Actions } from "~/pages/stack/Actions";
import { PERMISSIONS, type Can } from "~/pages/stack/calls";
import { Drift } from "~/pages/stack/Drift";
import { Events } from "~/pages/stack/Events";
import { Failure } from "~/pages/stack/Failure";
import { Outputs } from "~/pages/stack/Outputs";
import { Resources } from "~/pages/stack/Resources";
import { Revisions } from "~/pages/stack/Revisions";
import { Runs } from "~/pages/stack/Runs";
import { State } from "~/pages/stack/State";
import { Summary } from "~/pages/stack/Summary";
import { ActiveRun, WaitingRequest } from "~/pages/stack/Waiting";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

const words = stackText;
const RUNNING_MS = 2_000;
const AWAY_MS = 15_000;
const QUIET_MS = 60_000;
const NOTHING: Can = new Set();

export default function StackPage() {
  const ids = useParams({ from: "/inside/projects/$project/stacks/$stack" });
  const name = `projects/${ids.project}/stacks/${ids.stack}`;
  const live = useLiveProject(ids.project);
  const can = useCan(name, PERMISSIONS);
  const [refused, setRefused] = useState<unknown>();
  const {
    data: stack,
    error,
    refetch,
  } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}",
    { params: { path: ids } },
    // Not all that a run does is an event, and the stream may be away: then the page asks by itself.
    {
      refetchInterval: ({ state }) => (state.data?.activeRun ? RUNNING_MS : live === "live" ? QUIET_MS : AWAY_MS),
    },
  );
  const { data: version } = queries.useQuery(
    "get",
    "/v1/templates/{template}/versions/{version}",
    { params: { path: versionIds(stack?.templateVersion ?? "") } },
    { enabled: stack !== undefined, staleTime: 60_000, placeholderData: keepPreviousData },
  );
  const { data: lastRequest } = queries.useQuery(
    "get",
    "/v1/projects/{project}/changeRequests/{changeRequest}",
    { params: { path: requestIds(stack?.changeRequest ?? "") } },
    {
      enabled:
        stack !== undefined && !isGone(stack) && stack.changeRequest !== "" && can?.has("changeRequests.get") === true,
    },
  );

  if (!stack) return error ? <Failed page error={error} onRetry={() => void refetch()} /> : <LoadingPage />;
  const request = waitsFor(lastRequest);
  const deeds = possibleDeeds(stack, request !== undefined);
  const allowed = can ?? NOTHING;
  const message = inWords(stack.stateDetail?.message ?? "");
  const failed = stack.stateDetail?.error !== undefined && stack.stateDetail.error.message !== "";
  return (
    <Page
      title={stack.displayName || ids.stack}
      badge={<StateBadge state={stack.state} size="lg" />}
      subtitle={
        <Group gap={6}>
          {!failed && !request && <span>{message}</span>}
          {stack.stateDetail?.since && (
            <span>
              {words.since} <Time at={stack.stateDetail.since} />
            </span>
          )}
          {(live === "away" || live === "ended") && (
            <Text span inherit role="status">
              · {common.live[live]}
            </Text>
          )}
        </Group>
      }
      crumbs={[
        { label: ids.project, to: `/projects/${ids.project}` },
        { label: words.stacks, to: "/stacks" },
      ]}
      actions={<Actions stack={stack} deeds={deeds} can={allowed} version={version} onRefused={setRefused} />}
    >
      <VisuallyHidden role="status">
        {words.announce(common.states[stack.state] ?? stack.state, message)}
      </VisuallyHidden>
      {refused !== undefined && <FormError error={refused} />}
      {error && <Alert color="yellow">{common.unreachable.text}</Alert>}
      {request && <WaitingRequest request={request} />}
      {stack.activeRun && allowed.has("runs.get") && <ActiveRun name={stack.activeRun} />}
      {failed && <Failure stack={stack} deeds={deeds} can={allowed} />}
      <Summary stack={stack} deeds={deeds} can={allowed} version={version} request={request} />
      <Sections key={stack.name}>
        {{
          outputs: <Outputs key={stack.appliedRevision} stack={stack} can={allowed} />,
          resources: <Resources stack={stack} />,
          revisions: <Revisions stack={stack} deeds={deeds} can={allowed} />,
          drift: <Drift stack={stack} deeds={deeds} can={allowed} version={version} />,
          runs: <Runs stack={stack} />,
          events: <Events stack={stack} />,
          state: <State stack={stack} can={allowed} />,
        }}
      </Sections>
    </Page>
  );
}

type Section = Exclude<keyof typeof words.tabs, "label">;
const SECTIONS: Section[] = ["outputs", "resources", "revisions", "drift", "runs", "events", "state"];

// The tabs; the one that is open is in the URL, and it alone is there.
function Sections({ children }: { children: Record<Section, React.ReactNode> }) {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const open = SECTIONS.find((s) => s === search.tab) ?? "outputs";
  return (
    <Tabs
      value={open}
      onChange={(tab) => void navigate({ to: ".", search: { tab: tab ?? undefined }, resetScroll: false })}
      keepMounted={false}
    >
      <Tabs.List aria-label={words.tabs.label}>
        {SECTIONS.map((s) => (
          <Tabs.Tab key={s} value={s}>
            {words.tabs[s]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {SECTIONS.map((s) => (
        <Tabs.Panel key={s} value={s} pt="md">
          <Stack>{children[s]}</Stack>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
