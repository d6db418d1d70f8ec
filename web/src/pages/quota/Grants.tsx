import { Badge, Button, Group, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { Amounts } from "~/components/Amounts";
import { Dialog, Form } from "~/components/FormDialog";
import { UserPicker } from "~/components/MemberPicker";
import { ResourceLink } from "~/components/ResourceLink";
import { PlainTable } from "~/components/ResourceTable";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { errorAt } from "~/lib/fieldErrors";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { fromInput, localInput } from "~/lib/windows";
import { quota } from "~/text/quota";

import { useMetrics } from "./UsageCards";

type Grant = Schemas["QuotaGrant"];
const words = quota.grants;
const QUOTA = "/v1/projects/{project}/quota";
const DAY_MS = 86_400_000;

interface Props {
  project: string;
  usage: Schemas["Usage"][];
  mayGrant: boolean;
}

// Capacity that was added for a time.
export function Grants({ project, mayGrant }: Props) {
  const now = useNow();
  const { data, error, refetch } = queries.useQuery("get", "/v1/projects/{project}/quota/grants", {
    params: { path: { project }, query: { pageSize: 1000 } },
  });
  const [adding, add] = useState(false);
  const [ending, end] = useState<Grant>();
  if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingRows />;
  const grants = data.quotaGrants;
  return (
    <Stack gap="sm">
      {mayGrant && (
        <Group>
          <Button variant="default" onClick={() => add(true)}>
            {words.add}
          </Button>
        </Group>
      )}
      {grants.length === 0 ? (
        <Empty {...words.empty} />
      ) : (
        <PlainTable
          label={words.label}
          head={[words.amount, words.for, words.begins, words.ends, words.reason, ...(mayGrant ? [words.actions] : [])]}
          rows={grants.map((g) => [
            <Amounts key="amount" amounts={g.amount ? [g.amount] : []} />,
            g.user || quota.limits.project,
            <Time key="from" at={g.startTime} />,
            <Group key="until" gap="xs">
              <Time at={g.endTime} />
              {isOver(g, now) && (
                <Badge variant="default" size="sm" tt="none">
                  {words.over}
                </Badge>
              )}
            </Group>,
            <Text key="reason" size="sm">
              {g.reason} {g.changeRequest && <ResourceLink name={g.changeRequest} project={project} inText />}
            </Text>,
            mayGrant && !isOver(g, now) && (
              <Button key="end" size="compact-xs" variant="subtle" color="red" onClick={() => end(g)}>
                {words.end}
              </Button>
            ),
          ])}
        />
      )}
      <Dialog title={words.add} opened={adding} onClose={() => add(false)}>
        <AddGrant project={project} onClose={() => add(false)} />
      </Dialog>
      <Dialog title={words.endTitle} opened={ending !== undefined} onClose={() => end(undefined)}>
        {ending && <EndGrant grant={ending} project={project} onClose={() => end(undefined)} />}
      </Dialog>
    </Stack>
  );
}
const isOver = (grant: Grant, now: number) => grant.endTime !== undefined && Date.parse(grant.endTime) <= now;

function AddGrant({ project, onClose }: { project: string; onClose: () => void }) {
  const metrics = useMetrics();
  const reread = useReread();
  const [metric, setMetric] = useState("");
  const [value, setValue] = useState<string | number>("");
  const [user, setUser] = useState("");
  const [reason, setReason] = useState("");
  const [start, setStart] = useState(() => localInput(new Date()));
  const [end, setEnd] = useState(() => localInput(new Date(Date.now() + 7 * DAY_MS)));
  const { submit, pending, error } = useSubmit(
    (body: Schemas["QuotaGrant.Input"], requestId) =>
      answerOf(
        api.POST("/v1/projects/{project}/quota/grants", {
          params: { path: { project }, query: { requestId } },
          body,
        }),
      ),
    async () => {
      await reread(QUOTA);
      notifications.show({ message: words.done });
      onClose();
    },
  );
  return (
    <Form
      action={words.add}
      pending={pending}
      error={error}
      fields={["amount", "user", "startTime", "endTime", "reason"]}
      disabled={metric === "" || value === ""}
      onCancel={onClose}
      onSubmit={() =>
        submit({
          amount: { metric, value: String(value) },
          user: user.trim(),
          reason,
          startTime: fromInput(start),
          endTime: fromInput(end),
        })
      }
    >
      <Select
        label={quota.metric}
        data={[...metrics].map(([id, m]) => ({ value: id, label: m.displayName || id }))}
        value={metric || null}
        onChange={(next) => setMetric(next ?? "")}
        searchable
        required
      />
      <NumberInput
        label={quota.request.amount(metrics.get(metric)?.unit ?? "")}
        value={value}
        onChange={setValue}
        min={1}
        allowDecimal={false}
        allowNegative={false}
        error={errorAt(error, "amount")}
        required
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput
          type="datetime-local"
          label={words.begins}
          value={start}
          onChange={(e) => setStart(e.currentTarget.value)}
          error={errorAt(error, "startTime")}
          required
        />
        <TextInput
          type="datetime-local"
          label={words.ends}
          value={end}
          onChange={(e) => setEnd(e.currentTarget.value)}
          error={errorAt(error, "endTime")}
          required
        />
      </SimpleGrid>
      <UserPicker
        label={words.user}
        description={words.userHelp}
        value={user}
        onChange={setUser}
        error={errorAt(error, "user")}
        required={false}
      />
      <TextInput
        label={words.reason}
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        error={errorAt(error, "reason")}
      />
    </Form>
  );
}

function EndGrant({ grant, project, onClose }: { grant: Grant; project: string; onClose: () => void }) {
  const reread = useReread();
  const { submit, pending, error } = useSubmit(
    (etag: string, requestId) =>
      answerOf(
        api.DELETE("/v1/projects/{project}/quota/grants/{grant}", {
          params: { path: { project, grant: last(grant.name) }, query: { etag, requestId } },
        }),
      ),
    async () => {
      await reread(QUOTA);
      notifications.show({ message: words.ended });
      onClose();
    },
  );
  return (
    <Form
      action={words.end}
      danger
      pending={pending}
      error={error}
      onCancel={onClose}
      onReload={() => void reread(QUOTA).then(onClose)}
      onSubmit={() => submit(grant.etag)}
    >
      <Text size="sm">
        <Amounts amounts={grant.amount ? [grant.amount] : []} />. {words.endText}
      </Text>
    </Form>
  );
}
