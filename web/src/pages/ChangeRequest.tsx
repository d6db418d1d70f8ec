import { Alert, Anchor, Button, Grid, Group, Stack, Text, Title } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { useLiveProject } from "~/api/events";
import { KeysHelp } from "~/components/KeysHelp";
import { LiveState } from "~/components/LiveState";
import { Page } from "~/components/Page";
import { StateBadge } from "~/components/StateBadge";
import { Failed, LoadingPage } from "~/components/States";
import { Time } from "~/components/Time";
import { last, requestIds } from "~/lib/names";
import { requestState } from "~/lib/review";
import { Asked } from "~/pages/reviews/Asked";
import { Decide } from "~/pages/reviews/Decide";
import { Facts } from "~/pages/reviews/Facts";
import { History } from "~/pages/reviews/History";
import { common } from "~/text/common";
import { reviews as words } from "~/text/reviews";

export default function ChangeRequestPage() {
  const { project = "", changeRequest = "" } = useParams({ strict: false });
  const live = useLiveProject(project);
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/changeRequests/{changeRequest}", {
    params: { path: { project, changeRequest } },
  });
  if (error && !data) return <Failed page error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingPage />;
  return <Review key={data.name} request={data} live={live} />;
}

interface Props {
  request: Schemas["ChangeRequest"];
  live: ReturnType<typeof useLiveProject>;
}

function Review({ request, live }: Props) {
  const { project } = requestIds(request.name);
  const stack = last(request.stack);
  const [help, setHelp] = useState(false);
  // The plan that was read: an approval is for this one alone.
  const [read, setRead] = useState(request.planDigest);
  const planChanged = request.state === "PENDING" && request.planDigest !== read;
  const { data: stackNow } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}",
    { params: { path: { project, stack } } },
    { enabled: stack !== "" },
  );
  return (
    <Page
      title={words.titles[request.type](stack, project)}
      badge={<StateBadge state={requestState(request)} />}
      subtitle={
        <>
          {words.request(last(request.name))}, {words.asked} <Time at={request.createTime} /> ·{" "}
          <LiveState state={live} />
        </>
      }
      crumbs={[
        { label: common.navigation.projects, to: "/projects" },
        { label: project, to: `/projects/${project}` },
        ...(stack ? [{ label: stack, to: `/projects/${project}/stacks/${stack}` }] : []),
      ]}
      actions={<KeysHelp keys={words.pageKeys} opened={help} onChange={setHelp} />}
    >
      {request.state === "STALE" && <Stale request={request} next={stackNow?.changeRequest} />}
      <Facts request={request} stack={stackNow} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack gap="lg">
            <section aria-label={words.reason}>
              <Title order={2} size="h4" mb={4}>
                {words.reason}
              </Title>
              <Text
                style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}
                c={request.reason ? undefined : "dimmed"}
              >
                {request.reason || words.noReason}
              </Text>
            </section>
            {planChanged && (
              <Alert color="orange" role="alert" title={words.planChanged.title}>
                <Stack gap="xs" align="flex-start">
                  <Text size="sm">{words.planChanged.text}</Text>
                  <Button size="xs" variant="default" onClick={() => setRead(request.planDigest)}>
                    {words.planChanged.seen}
                  </Button>
                </Stack>
              </Alert>
            )}
            <Asked request={request} stack={stackNow} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Stack gap="lg">
            <Decide request={request} digest={read} planChanged={planChanged} onHelp={() => setHelp(true)} />
            <History request={request} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Stale({ request, next }: { request: Schemas["ChangeRequest"]; next: string | undefined }) {
  return (
    <Alert color="orange" title={words.stale.title}>
      <Group gap="xs">
        <Text size="sm">{words.stale.text}</Text>
        {next && next !== request.name && (
          <Anchor
            component={Link}
            size="sm"
            to={`/projects/${requestIds(next).project}/changeRequests/${requestIds(next).changeRequest}`}
          >
            {words.stale.open}
          </Anchor>
        )}
      </Group>
    </Alert>
  );
}
