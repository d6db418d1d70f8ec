import {
  Alert,
  Anchor,
  Button,
  Divider,
  Group,
  List,
  Loader,
  Paper,
  Progress,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";

import { ApiError, queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { Price } from "~/components/Amounts";
import { Problem } from "~/components/States";
import { Time } from "~/components/Time";
import { barOf, type FitRow, fitRows } from "~/lib/fit";
import { perHour } from "~/lib/money";
import type { Preview, StackPreview } from "~/pages/request/usePreview";
import { requestText as text } from "~/text/request";

interface Props {
  project: string;
  preview: Preview;
  stale: boolean;
  onCheck: () => void;
  meters: Schemas["Meter"][];
  // What the stack holds already.
  held?: Schemas["Amount"][];
}

// Asks what the form would cost, before anything is sent.
export function Fit({ project, preview, stale, onCheck, meters, held }: Props) {
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <div>
            <Title order={2} size="h5">
              {text.check}
            </Title>
            <Text size="sm" c="dimmed">
              {text.checkHelp}
            </Text>
          </div>
          <Button variant="default" onClick={onCheck} loading={preview.running}>
            {preview.found || preview.failed ? text.checkAgain : text.check}
          </Button>
        </Group>
        <Stack gap="sm" aria-live="polite">
          {preview.running && (
            <Group gap="xs">
              <Loader size="xs" aria-hidden />
              <Text size="sm">{text.stages[preview.stage] ?? text.checking}</Text>
            </Group>
          )}
          {!preview.running && stale && (preview.found || preview.failed) && (
            <Text size="sm" c="dimmed">
              {text.stale}
            </Text>
          )}
          {!preview.running && preview.failed && (
            <Alert color="red" title={text.runFailed}>
              <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                {preview.failed.message}
              </Text>
            </Alert>
          )}
          {!preview.running && preview.error !== undefined && !isFieldFault(preview.error) && (
            <Problem error={preview.error} />
          )}
          {!preview.running && preview.found?.plan && (
            <Found project={project} found={preview.found} plan={preview.found.plan} meters={meters} held={held} />
          )}
        </Stack>
      </Stack>
    </Paper>
  );
}

// Told at the fields.
const isFieldFault = (error: unknown) => error instanceof ApiError && error.reason === "INVALID_FIELD";

function Found(props: {
  project: string;
  found: StackPreview;
  plan: Schemas["Plan"];
  meters: Schemas["Meter"][];
  held?: Schemas["Amount"][];
}) {
  const { project, found, plan } = props;
  const seesQuota = useCan(`projects/${project}`, ["quota.get"])?.has("quota.get") ?? false;
  const { data } = queries.useQuery(
    "get",
    "/v1/projects/{project}/quota/usage",
    { params: { path: { project } } },
    { enabled: seesQuota },
  );
  const shortfalls = found.shortfalls ?? [];
  const rows = fitRows(plan.amounts, data?.usage, shortfalls, props.held);
  const budgets = new Set(props.meters.filter((m) => m.cost).map((m) => m.metric));
  const remarks = [...plan.policyMessages, ...plan.diagnostics];
  return (
    <Stack gap="sm">
      <Verdict project={project} fits={found.fits === true} shortfalls={shortfalls} />
      <Text size="sm">{text.counts(plan.toCreate, plan.toUpdate, plan.toReplace, plan.toDestroy)}.</Text>
      <Text size="sm">
        {Number(plan.estimatedMicrosPerHour) > 0 ? (
          <>
            {text.cost}: <Price micros={plan.estimatedMicrosPerHour} currency={plan.currency} />
            {plan.priceDate && (
              <Text span inherit c="dimmed">
                {" "}
                · {text.pricesOf(plan.priceDate)}
              </Text>
            )}
          </>
        ) : (
          <Text span inherit c="dimmed">
            {text.noCost}
          </Text>
        )}
      </Text>
      {rows.length > 0 && (
        <>
          <Divider />
          <Title order={3} size="h6">
            {text.quota}
          </Title>
          {rows.map((row) => (
            <Bar
              key={`${row.metric} ${row.short?.level ?? ""}`}
              row={row}
              currency={budgets.has(row.metric) ? plan.currency : ""}
            />
          ))}
          <Text size="xs" c="dimmed">
            {seesQuota || shortfalls.length > 0 ? text.legend : text.noUsage}
          </Text>
        </>
      )}
      {remarks.length > 0 && (
        <Alert color={remarks.some((r) => r.severity === "ERROR") ? "red" : "yellow"} title={text.warnings}>
          <List size="sm">
            {remarks.map((r, i) => (
              <List.Item key={i}>
                {r.summary}
                {r.detail && `: ${r.detail}`}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
    </Stack>
  );
}

// "vcpu, your own limit".
const whose = (s: Schemas["Shortfall"]) => [s.metric, text.level[s.level]].filter(Boolean).join(", ");

function Verdict(props: { project: string; fits: boolean; shortfalls: Schemas["Shortfall"][] }) {
  if (props.fits) {
    return (
      <Alert color="green" icon={<IconCheck aria-hidden />} title={text.fits}>
        {text.fitsText}
      </Alert>
    );
  }
  const number = (value: string) => Number(value).toLocaleString();
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={text.short}>
      <Stack gap="xs">
        {props.shortfalls.map((s) => (
          <Text size="sm" key={`${s.metric} ${s.level}`}>
            {text.shortOf(whose(s), number(s.requested), number(s.used), number(s.limit))}{" "}
            {s.fitsFrom ? (
              <>
                {text.fitsFrom} <Time at={s.fitsFrom} fw={600} />.
              </>
            ) : (
              text.neverFits
            )}
          </Text>
        ))}
        <Anchor component={Link} to={`/projects/${props.project}/quota`} size="sm">
          {text.askQuota}
        </Anchor>
      </Stack>
    </Alert>
  );
}

function Bar({ row, currency }: { row: FitRow; currency: string }) {
  const show = (value: number) => (currency ? perHour(String(value), currency) || "0" : value.toLocaleString());
  const unit = currency ? "" : row.unit;
  const { used, wanted } = barOf(row);
  const limit = row.limit === undefined ? "?" : show(row.limit);
  return (
    <div role="img" aria-label={text.bar(row.metric, show(row.used), show(row.wanted), limit)}>
      <Group justify="space-between" gap="xs" aria-hidden>
        <Text size="sm" fw={500}>
          {row.metric}
          {row.short && text.level[row.short.level] && (
            <Text span inherit c="dimmed" fw={400}>
              {" "}
              · {text.level[row.short.level]}
            </Text>
          )}
        </Text>
        <Text size="sm">
          {row.limit === undefined ? show(row.wanted) : text.barText(show(row.used), show(row.wanted), show(row.limit))}{" "}
          {unit}
        </Text>
      </Group>
      {row.limit !== undefined && (
        <Progress.Root size="lg" aria-hidden>
          <Progress.Section value={used} color="gray.5" withAria={false} />
          <Progress.Section value={wanted} color={row.short ? "red" : "yard"} withAria={false} />
        </Progress.Root>
      )}
    </div>
  );
}
