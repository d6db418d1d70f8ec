import { Alert, Button, Grid, Group, List, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Markdown } from "~/components/Markdown";
import { Page } from "~/components/Page";
import { PlainTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty, Failed, LoadingPage } from "~/components/States";
import { Time } from "~/components/Time";
import { last } from "~/lib/names";
import { rulesOf } from "~/lib/templateRules";
import { Costs } from "~/pages/catalogue/Costs";
import { Parameters } from "~/pages/catalogue/Parameters";
import { catalogueText as text } from "~/text/catalogue";

export default function Template() {
  const { template = "" } = useParams({ strict: false });
  const [chosen, setChosen] = useState<string>();
  const found = queries.useQuery("get", "/v1/templates/{template}", { params: { path: { template } } });
  const list = queries.useQuery("get", "/v1/templates/{template}/versions", {
    params: { path: { template }, query: { pageSize: 200 } },
  });
  const versions = list.data?.templateVersions;
  const latest = last(found.data?.latestVersion ?? "");
  const version = versions?.find((v) => last(v.name) === (chosen ?? latest)) ?? versions?.[0];
  const error = found.error ?? list.error;
  const title = found.data?.title || template;
  const usable = version?.state === "ACTIVE";

  return (
    <Page
      title={title}
      subtitle={found.data?.description}
      crumbs={[{ label: text.title, to: "/catalogue" }]}
      actions={
        version && (
          <Group gap="xs" align="flex-end">
            <Select
              size="sm"
              w={200}
              aria-label={text.shownVersion}
              data={(versions ?? []).map((v) => ({
                value: last(v.name),
                label: text.version(last(v.name)),
              }))}
              value={last(version.name)}
              allowDeselect={false}
              onChange={(next) => next && setChosen(next)}
            />
            {usable ? (
              <Button
                renderRoot={(props) => (
                  <Link
                    {...props}
                    to="/catalogue/$template/request"
                    params={{ template }}
                    search={last(version.name) === latest ? {} : { version: last(version.name) }}
                  />
                )}
              >
                {text.request}
              </Button>
            ) : (
              <Button disabled>{text.noRequest}</Button>
            )}
          </Group>
        )
      }
    >
      {error ? (
        <Failed error={error} onRetry={() => void Promise.all([found.refetch(), list.refetch()])} />
      ) : !found.data || !versions ? (
        <LoadingPage />
      ) : (
        <>
          {found.data.deprecation && (
            <Alert color="orange" title={text.notForNew}>
              {found.data.deprecation}
            </Alert>
          )}
          {version ? <Version version={version} versions={versions} /> : <Empty title={text.noVersion} />}
        </>
      )}
    </Page>
  );
}

interface VersionProps {
  version: Schemas["TemplateVersion"];
  versions: Schemas["TemplateVersion"][];
}

function Version({ version, versions }: VersionProps) {
  return (
    <>
      {version.state !== "ACTIVE" && version.stateDetail?.message && (
        <Alert color={version.state === "FAILED" ? "red" : "yellow"} title={<StateBadge state={version.state} />}>
          {version.stateDetail.message}
        </Alert>
      )}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="md">
            <Section title={text.costs}>
              <Costs meters={version.meters} />
            </Section>
            <Section title={text.parameters}>
              <Parameters parameters={version.parameters} />
            </Section>
            {version.readme && (
              <Section title={text.about}>
                <Markdown source={version.readme} title={version.title} />
              </Section>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack gap="md">
            <Section title={text.rules}>
              <List size="sm" spacing={4}>
                {rulesOf(version).map((rule) => (
                  <List.Item key={rule}>{rule}</List.Item>
                ))}
              </List>
            </Section>
            <Section title={text.outputs}>
              <Outputs version={version} />
            </Section>
            <Section title={text.versions}>
              <PlainTable
                label={text.versions}
                head={[text.shownVersion, text.state, text.published]}
                rows={versions.map((v) => [
                  <Text key="v" span inherit style={{ overflowWrap: "anywhere" }}>
                    {last(v.name)}
                  </Text>,
                  <StateBadge key="s" state={v.state} size="sm" />,
                  <Text key="t" span inherit>
                    <Time at={v.createTime} /> {text.by(last(v.publisher))}
                  </Text>,
                ])}
              />
            </Section>
          </Stack>
        </Grid.Col>
      </Grid>
    </>
  );
}

function Outputs({ version }: { version: Schemas["TemplateVersion"] }) {
  if (version.outputs.length === 0) return <Text size="sm">{text.noOutputs}</Text>;
  const files = version.files.map((f) => f.filename).join(", ");
  return (
    <Stack gap="xs">
      {version.outputs.map((output) => (
        <div key={output.name}>
          <Text size="sm" fw={600} ff="monospace" style={{ overflowWrap: "anywhere" }}>
            {output.name}
            {output.sensitive && (
              <Text span size="xs" c="dimmed" ff="text">
                {" "}
                · {text.secret}
              </Text>
            )}
          </Text>
          {output.description && <Text size="sm">{output.description}</Text>}
        </div>
      ))}
      {files && <Text size="sm">{text.files(files)}</Text>}
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}
