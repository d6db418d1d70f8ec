import { Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Page } from "~/components/Page";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { foundTemplates } from "~/lib/catalogue";
import { last } from "~/lib/names";
import { catalogueText as text } from "~/text/catalogue";

// All that one reading brings; a catalogue is looked through here, not by the server.
const MOST = 1000;
const AT_ONCE = 60;

export default function Catalogue() {
  const [search, setSearch] = useState("");
  const [deprecated, setDeprecated] = useState(false);
  const [shown, setShown] = useState(AT_ONCE);
  const { data, error, refetch } = queries.useQuery("get", "/v1/templates", { params: { query: { pageSize: MOST } } });
  const all = data?.templates;
  const found = foundTemplates(all ?? [], search, deprecated);
  return (
    <Page title={text.title} subtitle={text.subtitle}>
      <Group gap="md">
        <TextInput
          flex="1 1 260px"
          maw={480}
          aria-label={text.search}
          placeholder={text.search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(e) => setSearch(e.currentTarget.value)}
          type="search"
        />
        <Switch label={text.deprecated} checked={deprecated} onChange={(e) => setDeprecated(e.currentTarget.checked)} />
        <Text size="sm" c="dimmed" aria-live="polite">
          {all && text.found(found.length)}
        </Text>
      </Group>
      {error && !all ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !all ? (
        <LoadingRows />
      ) : all.length === 0 ? (
        <Empty title={text.empty} text={text.emptyText} />
      ) : found.length === 0 ? (
        <Empty title={text.nothingFound} />
      ) : (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            {found.slice(0, shown).map((template) => (
              <TemplateCard key={template.name} template={template} />
            ))}
          </SimpleGrid>
          {found.length > shown && (
            <Group justify="center">
              <Button variant="default" onClick={() => setShown(shown + AT_ONCE)}>
                {text.more}
              </Button>
            </Group>
          )}
        </>
      )}
    </Page>
  );
}

function TemplateCard({ template }: { template: Schemas["Template"] }) {
  const id = last(template.name);
  const title = template.title || id;
  const labels = Object.entries(template.labels);
  return (
    <Card withBorder component="article" aria-label={title}>
      <Stack gap="xs" h="100%">
        <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
          <Title order={2} size="h5" style={{ overflowWrap: "anywhere" }}>
            <Anchor component={Link} to={`/catalogue/${id}`} inherit>
              {title}
            </Anchor>
          </Title>
          {template.deprecation && (
            <Badge color="orange" variant="light" tt="none" styles={{ label: { color: "var(--mantine-color-text)" } }}>
              {text.deprecatedBadge}
            </Badge>
          )}
        </Group>
        <Text size="sm" lineClamp={4} flex={1}>
          {template.description}
        </Text>
        {template.deprecation && (
          <Text size="sm" c="dimmed">
            {template.deprecation}
          </Text>
        )}
        {labels.length > 0 && (
          <Group gap={4}>
            {labels.map(([key, value]) => (
              <Badge key={key} variant="default" tt="none" fw={500}>
                {value ? `${key}: ${value}` : key}
              </Badge>
            ))}
          </Group>
        )}
        <Group justify="space-between" gap="xs">
          <Text size="xs" c="dimmed" truncate>
            {template.latestVersion ? text.version(last(template.latestVersion)) : text.noVersion}
          </Text>
          {template.latestVersion && !template.deprecation && (
            <Button
              component={Link}
              to={`/catalogue/${id}/request`}
              size="compact-sm"
              variant="light"
              aria-label={text.requestOf(title)}
            >
              {text.request}
            </Button>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
