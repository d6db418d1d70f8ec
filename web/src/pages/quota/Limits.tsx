import { Alert, Button, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { Dialog, Form } from "~/components/FormDialog";
import { UserPicker } from "~/components/MemberPicker";
import { PlainTable } from "~/components/ResourceTable";
import { Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { errorAt } from "~/lib/fieldErrors";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { quota } from "~/text/quota";

import { useMetrics } from "./UsageCards";

type Limit = Schemas["QuotaLimit"];
type Usage = Schemas["Usage"];
const words = quota.limits;
const QUOTA = "/v1/projects/{project}/quota";

interface Props {
  project: string;
  usage: Usage[];
  maySet: boolean;
}
interface Row {
  metric: string;
  user: string;
  limit?: Limit;
  value: string;
}

// The limit of each metric, the project's own or the default, and those of users below it.
export function Limits({ project, usage, maySet }: Props) {
  const metrics = useMetrics();
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/quota/limits", {
    params: { path: { project }, query: { pageSize: 1000 } },
  });
  const [editing, edit] = useState<Partial<Row>>();
  const [removing, remove] = useState<Limit>();
  if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingRows />;

  const own = data.quotaLimits.map((l): Row => ({ metric: l.metric, user: l.user, limit: l, value: l.value }));
  const defaults = [...metrics.values()]
    .filter((m) => !own.some((l) => l.metric === last(m.name) && l.user === ""))
    .map((m): Row => ({ metric: last(m.name), user: "", value: m.defaultLimit }));
  const rows = [...own, ...defaults].sort((a, b) => a.metric.localeCompare(b.metric) || a.user.localeCompare(b.user));
  const title = (metric: string) => metrics.get(metric)?.displayName || metric;

  return (
    <Stack gap="sm">
      {maySet && (
        <Group>
          <Button variant="default" onClick={() => edit({})}>
            {words.set}
          </Button>
        </Group>
      )}
      <PlainTable
        label={words.label}
        head={[quota.metric, words.scope, words.value, words.changed, ...(maySet ? [words.actions] : [])]}
        rows={rows.map((row) => [
          title(row.metric),
          row.user === "" ? words.project : row.user === "-" ? words.eachUser : row.user,
          <Text key="value" size="sm" span>
            {Number(row.value).toLocaleString()} {metrics.get(row.metric)?.unit}
            {!row.limit && (
              <Text span c="dimmed">
                {" "}
                ({words.defaultNote})
              </Text>
            )}
          </Text>,
          <Time key="time" at={row.limit?.updateTime} />,
          maySet && (
            <Group key="actions" gap="xs" justify="flex-end" wrap="nowrap">
              <Button
                size="compact-xs"
                variant="default"
                aria-label={words.setOf(`${title(row.metric)} ${row.user}`)}
                onClick={() => edit(row)}
              >
                {words.change}
              </Button>
              {row.limit && (
                <Button size="compact-xs" variant="subtle" color="red" onClick={() => remove(row.limit)}>
                  {words.remove}
                </Button>
              )}
            </Group>
          ),
        ])}
      />
      <Dialog
        title={editing?.metric ? words.setOf(title(editing.metric)) : words.set}
        opened={editing !== undefined}
        onClose={() => edit(undefined)}
      >
        <SetLimit project={project} row={editing ?? {}} usage={usage} onClose={() => edit(undefined)} />
      </Dialog>
      <Dialog title={words.removeTitle} opened={removing !== undefined} onClose={() => remove(undefined)}>
        {removing && (
          <RemoveLimit
            limit={removing}
            fallback={Number(metrics.get(removing.metric)?.defaultLimit ?? 0).toLocaleString()}
            project={project}
            onClose={() => remove(undefined)}
          />
        )}
      </Dialog>
    </Stack>
  );
}

function SetLimit(props: { project: string; row: Partial<Row>; usage: Usage[]; onClose: () => void }) {
  const { project } = props;
  // What was there when it opened: what comes meanwhile must not change the form under one's hands.
  const [row] = useState(props.row);
  const fixed = row.metric !== undefined;
  const metrics = useMetrics();
  const reread = useReread();
  const [metric, setMetric] = useState(row.metric ?? "");
  const [scope, setScope] = useState(
    row.user === "" || row.user === undefined ? "project" : row.user === "-" ? "each" : "user",
  );
  const [user, setUser] = useState(row.user && row.user !== "-" ? row.user : "");
  const [value, setValue] = useState<string | number>(row.value ?? "");
  const { submit, pending, error } = useSubmit(
    (body: Schemas["QuotaLimit.Input"] & { limit: string }, requestId) =>
      answerOf(
        api.PUT("/v1/projects/{project}/quota/limits/{limit}", {
          params: { path: { project, limit: body.limit }, query: { requestId } },
          body: { value: body.value, etag: body.etag },
        }),
      ),
    async () => {
      await reread(QUOTA);
      notifications.show({ message: words.done(metrics.get(metric)?.displayName || metric) });
      props.onClose();
    },
  );
  const level = scope === "project" ? "" : scope === "each" ? "-" : user.trim();
  const held = props.usage.find((u) => u.metric === metric && u.user === level);
  const lower = held && value !== "" && Number(value) < Number(held.committed) + Number(held.pending);

  return (
    <Form
      action={words.set}
      pending={pending}
      error={error}
      fields={["value"]}
      disabled={metric === "" || value === "" || (scope === "user" && level === "")}
      onCancel={props.onClose}
      onReload={() => void reread(QUOTA).then(props.onClose)}
      onSubmit={() =>
        submit({ limit: level === "" ? metric : `${metric}:${level}`, value: String(value), etag: row.limit?.etag })
      }
    >
      <Select
        label={quota.metric}
        data={[...metrics].map(([id, m]) => ({ value: id, label: m.displayName || id }))}
        value={metric || null}
        onChange={(next) => setMetric(next ?? "")}
        disabled={fixed}
        searchable
        required
      />
      <Select
        label={words.for}
        data={[
          { value: "project", label: words.project },
          { value: "each", label: words.eachUser },
          { value: "user", label: words.oneUser },
        ]}
        value={scope}
        onChange={(next) => setScope(next ?? "project")}
        allowDeselect={false}
        disabled={fixed}
      />
      {scope === "user" && !fixed && <UserPicker label={quota.users.user} value={user} onChange={setUser} />}
      {scope === "user" && fixed && <Text size="sm">{user}</Text>}
      <NumberInput
        label={words.value}
        value={value}
        onChange={setValue}
        min={0}
        allowDecimal={false}
        allowNegative={false}
        suffix={metrics.get(metric)?.unit ? ` ${metrics.get(metric)?.unit}` : undefined}
        error={errorAt(error, "value")}
        required
        data-autofocus
      />
      {lower && <Alert color="yellow">{words.lower}</Alert>}
    </Form>
  );
}

function RemoveLimit(props: { limit: Limit; fallback: string; project: string; onClose: () => void }) {
  const { limit, project } = props;
  const reread = useReread();
  const { submit, pending, error } = useSubmit(
    (etag: string, requestId) =>
      answerOf(
        api.DELETE("/v1/projects/{project}/quota/limits/{limit}", {
          params: { path: { project, limit: last(limit.name) }, query: { etag, requestId } },
        }),
      ),
    async () => {
      await reread(QUOTA);
      notifications.show({ message: words.removed });
      props.onClose();
    },
  );
  return (
    <Form
      action={words.remove}
      danger
      pending={pending}
      error={error}
      onCancel={props.onClose}
      onReload={() => void reread(QUOTA).then(props.onClose)}
      onSubmit={() => submit(limit.etag)}
    >
      <Text size="sm">
        <b>{last(limit.name)}</b>: {limit.user === "" ? words.removeProject(props.fallback) : words.removeUser}
      </Text>
    </Form>
  );
}
