import { Alert, Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import { queries, type Schemas } from "~/api/client";
import { Amounts } from "~/components/Amounts";
import { Diagnostics } from "~/components/Diagnostics";
import { PlanDiff } from "~/components/PlanDiff";
import { PlanSummary } from "~/components/PlanSummary";
import { Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { last, part } from "~/lib/names";
import { absolute, secondsOf, span } from "~/lib/time";
import { reviews as words } from "~/text/reviews";

interface Props {
  request: Schemas["ChangeRequest"];
  stack: Schemas["Stack"] | undefined;
}

// What a request is about: a plan, what would be destroyed, more time or more quota.
export function Asked({ request, stack }: Props) {
  switch (request.type) {
    case "DESTROY":
      return <Destroyed request={request} />;
    case "EXTENSION":
      return <Extension request={request} stack={stack} />;
    case "QUOTA":
      return <Quota request={request} />;
    default:
      return <ThePlan request={request} stack={stack} />;
  }
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      <Stack gap="sm">{children}</Stack>
    </section>
  );
}

function ThePlan({ request, stack }: Props) {
  const project = part(request.revision, "projects");
  const path = { project, stack: part(request.revision, "stacks"), revision: last(request.revision) };
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/revisions/{revision}",
    { params: { path } },
    { enabled: request.revision !== "" },
  );
  const plan = data?.plan;
  return (
    <Part title={words.plan}>
      {error && !data ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : request.revision !== "" && !data ? (
        <LoadingRows />
      ) : !plan ? (
        <Text c="dimmed">{words.noPlan}</Text>
      ) : (
        <>
          {plan.digest !== request.planDigest && <Alert color="orange">{words.otherPlan}</Alert>}
          <PlanSummary plan={plan} before={request.type === "UPDATE" ? stack : undefined} />
          <PlanDiff key={plan.digest} changes={plan.changes} changedOutputs={plan.changedOutputs} />
        </>
      )}
    </Part>
  );
}

const MOST_RESOURCES = 1_000;

function Destroyed({ request }: { request: Schemas["ChangeRequest"] }) {
  const path = { project: part(request.name, "projects"), stack: last(request.stack) };
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/resources", {
    params: { path, query: { pageSize: MOST_RESOURCES, filter: 'mode = "managed"' } },
  });
  return (
    <Part title={words.destroy}>
      <Text component="div">
        {words.frees} <Amounts amounts={request.amounts} />
      </Text>
      <Diagnostics diagnostics={request.policyMessages} />
      {error && !data ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows />
      ) : data.resources.length === 0 ? (
        <Text c="dimmed">{words.destroyNothing}</Text>
      ) : (
        <>
          <PlanDiff
            changes={data.resources.map((r) => ({
              address: r.address,
              type: r.type,
              action: "DELETE",
              attributes: [],
              reason: "",
            }))}
          />
          {data.nextPageToken && <Text c="dimmed">{words.destroyMost(MOST_RESOURCES)}</Text>}
        </>
      )}
    </Part>
  );
}

function Pairs({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <Table w="auto" withRowBorders={false}>
      <Table.Tbody>
        {rows.map(([label, value]) => (
          <Table.Tr key={label}>
            <Table.Th scope="row" fw={400} c="dimmed">
              {label}
            </Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Extension({ request, stack }: Props) {
  const more = secondsOf(request.extension);
  const ends = stack?.lease?.endTime;
  const pending = request.state === "PENDING";
  const then = ends && new Date(Date.parse(ends) + more * 1000).toISOString();
  const when = (time: string) => (
    <>
      {absolute(time)} (<Time at={time} />)
    </>
  );
  return (
    <Part title={words.asksFor}>
      <Pairs
        rows={[
          [words.extension.longer, <b key="more">{span(more)}</b>],
          ...(ends ? [[pending ? words.extension.now : words.extension.ends, when(ends)] as [string, ReactNode]] : []),
          ...(pending && then ? [[words.extension.then, when(then)] as [string, ReactNode]] : []),
          [words.extension.holds, <Amounts key="holds" amounts={request.amounts} />],
        ]}
      />
    </Part>
  );
}

function Quota({ request }: { request: Schemas["ChangeRequest"] }) {
  const asked = request.quotaChange;
  const project = part(request.name, "projects");
  const { data } = queries.useQuery(
    "get",
    "/v1/projects/{project}/quota/usage",
    { params: { path: { project } } },
    { enabled: request.state === "PENDING" },
  );
  if (!asked?.amount) return null;
  const { metric, value } = asked.amount;
  const usage = data?.usage.find((u) => u.metric === metric && u.user === asked.user);
  const temporary = asked.endTime !== undefined;
  const rows: [string, ReactNode][] = [
    [
      words.quota.asked,
      <span key="asked">
        <b>+{Number(value).toLocaleString()}</b> {metric}
        {!temporary && `, ${words.quota.forGood}`}
      </span>,
    ],
    [words.quota.whose, asked.user ? last(asked.user) : words.quota.project],
  ];
  if (temporary) {
    rows.push(
      [words.quota.from, asked.startTime ? absolute(asked.startTime) : words.quota.atOnce],
      [words.quota.to, absolute(asked.endTime ?? "")],
    );
  }
  if (usage) {
    rows.push(
      [words.quota.used, (Number(usage.committed) + Number(usage.pending)).toLocaleString()],
      [words.quota.limit, Number(usage.limit).toLocaleString()],
      [words.quota.then, <b key="then">{(Number(usage.limit) + Number(value)).toLocaleString()}</b>],
    );
  }
  return (
    <Part title={words.asksFor}>
      <Pairs rows={rows} />
    </Part>
  );
}
