import { Text } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { Page } from "~/components/Page";
import { ResourceLink } from "~/components/ResourceLink";
import { type Column, ResourceTable } from "~/components/ResourceTable";
import { Empty } from "~/components/States";
import { Time } from "~/components/Time";
import { listQuery, useListSearch } from "~/lib/listSearch";
import { last } from "~/lib/names";
import { admin } from "~/text/admin";

type Denial = Schemas["Denial"];
const words = admin.denials;

const columns: Column<Denial>[] = [
  { key: "when", label: words.when, width: "130px", render: (d) => <Time at={d.createTime} /> },
  {
    key: "who",
    label: words.who,
    width: "1fr",
    render: (d) =>
      d.user || (
        <Text span inherit c="dimmed">
          {words.nobody}
        </Text>
      ),
  },
  {
    key: "what",
    label: words.what,
    width: "1.3fr",
    render: (d) => (
      <Text span inherit title={d.method}>
        {last(d.method)}
      </Text>
    ),
  },
  {
    key: "resource",
    label: words.resource,
    width: "1.6fr",
    optional: true,
    render: (d) => <ResourceLink name={d.resource} />,
  },
  { key: "permission", label: words.permission, width: "1.2fr", optional: true, render: (d) => d.permission },
  {
    key: "reason",
    label: words.reason,
    width: "1.3fr",
    optional: true,
    render: (d) => (
      <Text span inherit title={d.requestId}>
        {d.reason}
      </Text>
    ),
  },
  { key: "peer", label: words.peer, width: "110px", optional: true, render: (d) => d.peer },
];

export default function Denials() {
  const [search, setSearch] = useListSearch();
  // This listing has one order.
  const { pageSize, pageToken, filter } = listQuery(search);
  const { data, error, refetch } = queries.useQuery("get", "/v1/denials", {
    params: { query: { pageSize, pageToken, filter } },
  });
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <ResourceTable
        label={words.title}
        columns={columns}
        rows={data?.denials}
        rowKey={(d) => `${d.requestId} ${d.createTime ?? ""} ${d.method} ${d.permission} ${d.resource}`}
        error={error}
        onRetry={() => void refetch()}
        nextPageToken={data?.nextPageToken}
        search={search}
        onSearch={setSearch}
        filterHelp={words.filterHelp}
        empty={<Empty {...words.empty} />}
      />
    </Page>
  );
}
