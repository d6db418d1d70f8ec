import { Button, Group, Stack, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { queries } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { useCan } from "~/api/session";
import { Dialog } from "~/components/FormDialog";
import { LiveState } from "~/components/LiveState";
import { Page } from "~/components/Page";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { byFullness } from "~/lib/usage";
import { Grants } from "~/pages/quota/Grants";
import { Holdings } from "~/pages/quota/Holdings";
import { Limits } from "~/pages/quota/Limits";
import { OverTime } from "~/pages/quota/OverTime";
import { RequestMore } from "~/pages/quota/RequestMore";
import { UsageCards } from "~/pages/quota/UsageCards";
import { UsersUsage } from "~/pages/quota/UsersUsage";
import { common } from "~/text/common";
import { quota as words } from "~/text/quota";

const TABS = ["holdings", "users", "limits", "grants"] as const;

export default function Quota() {
  const { project = "" } = useParams({ strict: false });
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const live = useLiveProject(project);
  const can = useCan(`projects/${project}`, ["changeRequests.create", "quota.limits.set", "quota.grants.create"]);
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/quota/usage", {
    params: { path: { project }, query: { byUser: true } },
  });
  const [chosen, setChosen] = useState<string>();
  const [asking, ask] = useDisclosure();
  const usage = data?.usage ?? [];
  const ofProject = byFullness(usage.filter((u) => u.user === ""));
  const metric = chosen ?? ofProject[0]?.metric;
  const open = TABS.find((t) => t === tab) ?? "holdings";

  return (
    <Page
      title={words.title}
      subtitle={<LiveState state={live} />}
      crumbs={[
        { label: common.navigation.projects, to: "/projects" },
        { label: project, to: `/projects/${encodeURIComponent(project)}` },
      ]}
      actions={
        can?.has("changeRequests.create") && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={ask.open}>
            {words.request.action}
          </Button>
        )
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows />
      ) : ofProject.length === 0 ? (
        <Empty {...words.none} />
      ) : (
        <Stack gap="xl">
          <UsageCards usage={ofProject} chosen={metric} onChoose={setChosen} />
          {metric && <OverTime project={project} metric={metric} onMetric={setChosen} usage={usage} />}
          <Tabs
            value={open}
            onChange={(next) => void navigate({ to: ".", search: { tab: next ?? undefined }, replace: true })}
            keepMounted={false}
          >
            <Tabs.List>
              {TABS.map((t) => (
                <Tabs.Tab key={t} value={t}>
                  {words.tabs[t]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Group mt="md" display="block">
              <Tabs.Panel value="holdings">
                <Holdings project={project} />
              </Tabs.Panel>
              <Tabs.Panel value="users">
                <UsersUsage usage={usage.filter((u) => u.user !== "")} />
              </Tabs.Panel>
              <Tabs.Panel value="limits">
                <Limits project={project} usage={usage} maySet={can?.has("quota.limits.set") ?? false} />
              </Tabs.Panel>
              <Tabs.Panel value="grants">
                <Grants project={project} usage={usage} mayGrant={can?.has("quota.grants.create") ?? false} />
              </Tabs.Panel>
            </Group>
          </Tabs>
        </Stack>
      )}
      <Dialog title={words.request.title} opened={asking} onClose={ask.close}>
        <RequestMore project={project} usage={ofProject} metric={metric} onClose={ask.close} />
      </Dialog>
    </Page>
  );
}
