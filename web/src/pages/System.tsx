import {
  Alert,
  Anchor,
  Badge,
  Checkbox,
  Code,
  Group,
  Paper,
  SimpleGrid,
  Stack,
  Tabs,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Page } from "~/components/Page";
import { PlainTable } from "~/components/ResourceTable";
import { Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { secondsOf } from "~/lib/time";
import { admin } from "~/text/admin";

const words = admin.system;
const EVERY_MS = 10_000;

export default function System() {
  return (
    <Page
      title={words.title}
      actions={
        <>
          <Anchor href="/docs" size="sm">
            {words.docs}
          </Anchor>
          <Anchor href="/docs/errors" size="sm">
            {words.errors}
          </Anchor>
        </>
      }
    >
      <Status />
      <Settings />
    </Page>
  );
}

function Status() {
  const { data, error, refetch } = queries.useQuery("get", "/testme", {}, { refetchInterval: EVERY_MS });
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingRows rows={4} />;
  return (
    <Stack gap="md">
      <Alert
        color={data.ok ? "green" : "red"}
        role="status"
        icon={data.ok ? <IconCircleCheck aria-hidden /> : <IconCircleX aria-hidden />}
        title={data.ok ? words.ok : words.notOk}
      />
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <Fact label={words.version}>{data.version}</Fact>
        <Fact label={words.instance}>{data.instance}</Fact>
        <Fact label={words.started}>
          <Time at={data.startTime} />
        </Fact>
      </SimpleGrid>
      <Stack gap="xs" component="section">
        <Title order={2} size="h4">
          {words.needs}
        </Title>
        <PlainTable
          label={words.needs}
          head={[words.name, words.state, words.latency, words.version, words.instance]}
          rows={data.dependencies.map((d) => [
            d.name,
            <Stack key="state" gap={2}>
              <Badge
                variant="light"
                color={d.ok ? "green" : "red"}
                tt="none"
                styles={{ label: { color: "var(--mantine-color-text)" } }}
              >
                {d.ok ? words.answers : words.silent}
              </Badge>
              {d.error && <Text size="sm">{d.error}</Text>}
            </Stack>,
            d.latency &&
              words.ms((secondsOf(d.latency) * 1000).toLocaleString(undefined, { maximumSignificantDigits: 2 })),
            d.version,
            d.instance,
          ])}
        />
      </Stack>
    </Stack>
  );
}

function Fact(props: { label: string; children: React.ReactNode }) {
  return (
    <Paper withBorder p="sm">
      <Text size="sm" c="dimmed">
        {props.label}
      </Text>
      <Text fw={600} component="div">
        {props.children}
      </Text>
    </Paper>
  );
}

function Settings() {
  const { data, error, refetch } = queries.useQuery("get", "/configs", {});
  const [sought, setSought] = useState("");
  const [changed, setChanged] = useState(true);
  const [service, setService] = useState<string | null>(null);
  const configs = data?.configs ?? [];
  // Names of instances hold what ids must not.
  const key = (c: Schemas["ServiceConfig"]) => String(configs.indexOf(c));
  const open = configs.find((c) => key(c) === service) ?? configs[0];
  return (
    <Stack gap="sm" component="section">
      <Title order={2} size="h4">
        {words.settings}
      </Title>
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows />
      ) : (
        open && (
          <>
            <Group gap="md">
              <TextInput
                aria-label={words.find}
                placeholder={words.find}
                value={sought}
                onChange={(e) => setSought(e.currentTarget.value)}
                flex={1}
                miw={200}
              />
              <Checkbox
                label={words.changedOnly}
                checked={changed}
                onChange={(e) => setChanged(e.currentTarget.checked)}
              />
            </Group>
            <Tabs value={key(open)} onChange={setService} keepMounted={false}>
              <Tabs.List>
                {configs.map((c) => (
                  <Tabs.Tab key={key(c)} value={key(c)}>
                    {c.service}
                  </Tabs.Tab>
                ))}
              </Tabs.List>
              {configs.map((c) => (
                <Tabs.Panel key={key(c)} value={key(c)} pt="sm">
                  <Text size="sm" c="dimmed">
                    {c.instance} · {c.version}
                  </Text>
                  <ServiceSettings
                    settings={c.settings.filter(
                      (s) => s.flag.includes(sought.trim()) && (!changed || s.source !== "default"),
                    )}
                  />
                </Tabs.Panel>
              ))}
            </Tabs>
          </>
        )
      )}
    </Stack>
  );
}

function ServiceSettings({ settings }: { settings: Schemas["Setting"][] }) {
  if (settings.length === 0) return <Text mt="sm">{words.nothing}</Text>;
  return (
    <PlainTable
      label={words.settings}
      head={[words.setting, words.value, words.source]}
      rows={settings.map((s) => [
        <Code key="flag">{s.flag}</Code>,
        s.secret ? (
          <Badge key="secret" variant="default" tt="none">
            {s.set ? words.secretSet : words.secretUnset}
          </Badge>
        ) : s.value === "" ? (
          <Text key="empty" size="sm" c="dimmed">
            {words.empty}
          </Text>
        ) : (
          <Text key="value" size="sm" style={{ overflowWrap: "anywhere" }}>
            {s.value}
          </Text>
        ),
        s.source,
      ])}
    />
  );
}
