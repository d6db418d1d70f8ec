import {
  Alert,
  Anchor,
  Button,
  Group,
  NumberInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { Form } from "~/components/FormDialog";
import { errorAt } from "~/lib/fieldErrors";
import { pageOf } from "~/lib/resourceLinks";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { fromInput, localInput } from "~/lib/windows";
import { common } from "~/text/common";
import { quota } from "~/text/quota";

import { useMetrics } from "./UsageCards";

const words = quota.request;
const DAY_MS = 86_400_000;

interface Props {
  project: string;
  usage: Schemas["Usage"][];
  metric: string | undefined;
  onClose: () => void;
}

// Asks a reviewer for more quota.
export function RequestMore({ project, usage, metric: first, onClose }: Props) {
  const metrics = useMetrics();
  const reread = useReread();
  const [metric, setMetric] = useState(first ?? "");
  const [value, setValue] = useState<string | number>("");
  const [forTime, setForTime] = useState(true);
  const [start, setStart] = useState("");
  const [end, setEnd] = useState(() => localInput(new Date(Date.now() + 7 * DAY_MS)));
  const [reason, setReason] = useState("");
  const [made, setMade] = useState<string>();
  const { submit, pending, error } = useSubmit(
    (body: Schemas["CreateQuotaRequestRequest"], requestId) =>
      answerOf(
        api.POST("/v1/projects/{project}/changeRequests:quota", {
          params: { path: { project } },
          body: { ...body, requestId },
        }),
      ),
    async (request) => {
      await reread("/v1/projects/{project}/changeRequests");
      setMade(request.name);
    },
  );
  const ids = [...new Set([...usage.map((u) => u.metric), ...metrics.keys()])];

  if (made !== undefined) {
    return (
      <Stack>
        <Alert color="green" role="status" title={words.done}>
          <Anchor component={Link} to={pageOf(made)} size="sm">
            {words.open}
          </Anchor>
        </Alert>
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            {common.close}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Form
      action={words.title}
      pending={pending}
      error={error}
      fields={["amount", "startTime", "endTime", "reason"]}
      disabled={metric === "" || value === "" || reason.trim() === "" || (forTime && end === "")}
      onCancel={onClose}
      onSubmit={() =>
        submit({
          quotaChange: {
            amount: { metric, value: String(value) },
            startTime: forTime ? fromInput(start) : undefined,
            endTime: forTime ? fromInput(end) : undefined,
          },
          reason,
        })
      }
    >
      <Text size="sm" c="dimmed">
        {words.text}
      </Text>
      <Select
        label={quota.metric}
        data={ids.map((id) => ({ value: id, label: metrics.get(id)?.displayName || id }))}
        value={metric || null}
        onChange={(next) => setMetric(next ?? "")}
        searchable
        required
      />
      <NumberInput
        label={words.amount(metrics.get(metric)?.unit ?? "")}
        value={value}
        onChange={setValue}
        min={1}
        allowDecimal={false}
        allowNegative={false}
        error={errorAt(error, "amount")}
        required
        data-autofocus
      />
      <Stack gap={4}>
        <Text size="sm" fw={500} id="request-length">
          {words.length}
        </Text>
        <SegmentedControl
          aria-labelledby="request-length"
          value={forTime ? "time" : "good"}
          onChange={(next) => setForTime(next === "time")}
          data={[
            { value: "time", label: words.forTime },
            { value: "good", label: words.forGood },
          ]}
        />
      </Stack>
      {forTime && (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            type="datetime-local"
            label={words.start}
            description={words.startHelp}
            value={start}
            onChange={(e) => setStart(e.currentTarget.value)}
            error={errorAt(error, "startTime")}
            inputWrapperOrder={["label", "input", "description", "error"]}
          />
          <TextInput
            type="datetime-local"
            label={words.end}
            value={end}
            onChange={(e) => setEnd(e.currentTarget.value)}
            error={errorAt(error, "endTime")}
            required
          />
        </SimpleGrid>
      )}
      <Textarea
        label={words.reason}
        description={words.reasonHelp}
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        error={errorAt(error, "reason")}
        autosize
        minRows={2}
        required
      />
    </Form>
  );
}
