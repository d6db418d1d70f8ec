import { Button, Stack, Tabs } from "@mantine/core";
import { IconGauge, IconListSearch } from "@tabler/icons-react";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";

import { queries } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { useCan } from "~/api/session";
import { LiveState } from "~/components/LiveState";
import { Page } from "~/components/Page";
import { Failed, LoadingPage } from "~/components/States";
import { Channels } from "~/pages/project/Channels";
import { Credentials } from "~/pages/project/Credentials";
import { Members } from "~/pages/project/Members";
import { ProjectOverview } from "~/pages/project/ProjectOverview";
import { ProjectSettings } from "~/pages/project/ProjectSettings";
import { common } from "~/text/common";
import { projects as words } from "~/text/projects";

const TABS = ["overview", "members", "channels", "credentials", "settings"] as const;
// What a tab cannot be shown without.
const NEEDS: Partial<Record<(typeof TABS)[number], string>> = {
  members: "bindings.list",
  channels: "channels.list",
  credentials: "credentials.list",
};
const PERMISSIONS = [
  ...Object.values(NEEDS),
  "bindings.create",
  "bindings.delete",
  "channels.create",
  "channels.update",
  "channels.delete",
  "credentials.create",
  "credentials.update",
  "credentials.delete",
  "projects.update",
  "projects.delete",
  "events.list",
];

export default function Project() {
  const { project = "" } = useParams({ strict: false });
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const live = useLiveProject(project);
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}", { params: { path: { project } } });
  const can = useCan(`projects/${project}`, PERMISSIONS);
  if (error && !data) return <Failed page error={error} onRetry={() => void refetch()} />;
  if (!data || !can) return <LoadingPage />;

  const shown = TABS.filter((t) => can.has(NEEDS[t] ?? "") || NEEDS[t] === undefined);
  const open = shown.find((t) => t === tab) ?? "overview";
  return (
    <Page
      title={data.displayName || project}
      subtitle={<LiveState state={live} />}
      crumbs={[{ label: common.navigation.projects, to: "/projects" }]}
      actions={
        <>
          <Button
            component={Link}
            to={`/projects/${encodeURIComponent(project)}/quota`}
            variant="default"
            leftSection={<IconGauge size={16} aria-hidden />}
          >
            {words.quota}
          </Button>
          <Button
            component={Link}
            to={`/projects/${encodeURIComponent(project)}/audit`}
            variant="default"
            leftSection={<IconListSearch size={16} aria-hidden />}
          >
            {words.audit}
          </Button>
        </>
      }
    >
      <Tabs
        value={open}
        onChange={(next) => void navigate({ to: ".", search: { tab: next ?? undefined } })}
        keepMounted={false}
      >
        <Tabs.List>
          {shown.map((t) => (
            <Tabs.Tab key={t} value={t}>
              {words.tabs[t]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Stack mt="md">
          <Tabs.Panel value="overview">
            <ProjectOverview project={data} />
          </Tabs.Panel>
          <Tabs.Panel value="members">
            <Members project={project} can={can} />
          </Tabs.Panel>
          <Tabs.Panel value="channels">
            <Channels project={project} can={can} />
          </Tabs.Panel>
          <Tabs.Panel value="credentials">
            <Credentials project={project} can={can} />
          </Tabs.Panel>
          <Tabs.Panel value="settings">
            <ProjectSettings project={data} can={can} />
          </Tabs.Panel>
        </Stack>
      </Tabs>
    </Page>
  );
}
