import { Anchor, Badge, Button, Group, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { Dialog } from "~/components/FormDialog";
import { Page } from "~/components/Page";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last } from "~/lib/names";
import { Publish } from "~/pages/admin/Publish";
import { TemplateVersions } from "~/pages/admin/TemplateVersions";
import { admin } from "~/text/admin";

type Template = Schemas["Template"];
const words = admin.templates;

export default function Templates() {
  const [search, setSearch] = useListSearch();
  const can = useCan("", ["templates.publish", "templates.update", "templates.delete"]) ?? new Set<string>();
  const { data, error, refetch } = queries.useQuery("get", "/v1/templates", { params: { query: listQuery(search) } });
  // "" publishes a new one.
  const [publishing, publish] = useState<string>();
  const [open, setOpen] = useState<string>();
  const shown = data?.templates.find((t) => t.name === open);
  const columns: Column<Template>[] = [
    {
      key: "name",
      label: words.name,
      sortBy: "name",
      width: "1fr",
      render: (t) => (
        <Anchor component={Link} to={`/catalogue/${encodeURIComponent(last(t.name))}`} inherit fw={600}>
          {last(t.name)}
        </Anchor>
      ),
    },
    {
      key: "title",
      label: words.titleFor,
      width: "2fr",
      optional: true,
      render: (t) => (
        <Group gap="xs" wrap="nowrap">
          {t.title}
          {t.deprecation && (
            <Badge
              variant="light"
              color="orange"
              tt="none"
              title={t.deprecation}
              styles={{ root: { flexShrink: 0 }, label: { color: "var(--mantine-color-text)" } }}
            >
              {words.deprecated}
            </Badge>
          )}
        </Group>
      ),
    },
    {
      key: "latest",
      label: words.latest,
      width: "1fr",
      render: (t) =>
        t.latestVersion ? (
          last(t.latestVersion)
        ) : (
          <Text span inherit c="dimmed">
            {words.noneYet}
          </Text>
        ),
    },
    { key: "updated", label: words.updated, width: "130px", optional: true, render: (t) => <Time at={t.updateTime} /> },
    {
      key: "actions",
      label: words.actions,
      width: "110px",
      render: (t) => (
        <Button
          size="compact-xs"
          variant="default"
          title={words.versionsOf(last(t.name))}
          onClick={() => setOpen(t.name)}
        >
          {words.versions}
        </Button>
      ),
    },
  ];
  const button = can.has("templates.publish") && (
    <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={() => publish("")}>
      {words.publish}
    </Button>
  );
  return (
    <Page title={words.title} actions={button}>
      <ResourceTable
        label={words.title}
        columns={columns}
        rows={data?.templates}
        rowKey={(t) => t.name}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty} action={button} />}
      />
      <Dialog
        title={words.versionsOf(last(shown?.name ?? ""))}
        opened={shown !== undefined}
        onClose={() => setOpen(undefined)}
        size="xl"
      >
        {shown && (
          <TemplateVersions
            template={shown}
            can={can}
            onPublish={() => {
              setOpen(undefined);
              publish(last(shown.name));
            }}
            onGone={() => setOpen(undefined)}
          />
        )}
      </Dialog>
      <Dialog title={words.publish} opened={publishing !== undefined} onClose={() => publish(undefined)} size="lg">
        <Publish template={publishing ?? ""} onClose={() => publish(undefined)} />
      </Dialog>
    </Page>
  );
}
