import { Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useDeferredValue, useEffect, useMemo, useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { stackIds } from "~/lib/names";
import { branches, buildTree, matches, type Node, visibleRows, wordsOf } from "~/lib/resourceTree";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

import type { Stack as StackOf } from "./calls";
import { ResourceDetails } from "./ResourceDetails";
import { ResourceTree } from "./ResourceTree";

type Resource = Schemas["Resource"];
const words = stackText.resources;

// As many as the API gives at once.
const PAGE = 1000;
// Trees up to this many resources are open at first; larger ones down to their modules only.
const OPEN_AT_FIRST = 200;
const NONE: Resource[] = [];

// All resources of the state: the first page is there at once, the others come by themselves.
function useResources(stack: StackOf) {
  const query = queries.useInfiniteQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/resources",
    { params: { path: stackIds(stack.name), query: { pageSize: PAGE } } },
    {
      pageParamName: "pageToken",
      initialPageParam: "",
      getNextPageParam: (page: Schemas["ListResourcesResponse"]) => page.nextPageToken || undefined,
    },
  );
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const resources = useMemo(() => query.data?.pages.flatMap((p) => p.resources) ?? NONE, [query.data]);
  return { ...query, resources };
}

export function Resources({ stack }: { stack: StackOf }) {
  const { resources, data, error, refetch, hasNextPage } = useResources(stack);
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<string>();
  // What the user opened or closed, against how it is at first.
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const searchedFor = useDeferredValue(search);

  const found = useMemo(() => {
    const asked = wordsOf(searchedFor);
    return asked.length === 0 ? resources : resources.filter((r) => matches(r, asked));
  }, [resources, searchedFor]);
  const tree = useMemo(() => buildTree(found), [found]);
  const rows = useMemo(() => {
    const openAll = resources.length <= OPEN_AT_FIRST || searchedFor.trim() !== "";
    return visibleRows(tree, (node) => chosen.get(node.id) ?? openAll);
  }, [tree, chosen, resources.length, searchedFor]);
  const toggle = (node: Node<Resource>, open: boolean) => setChosen((old) => new Map(old).set(node.id, open));
  const all = (open: boolean) => setChosen(new Map(branches(tree).map((id) => [id, open])));

  if (!data) return error ? <Failed error={error} onRetry={() => void refetch()} /> : <LoadingRows />;
  if (resources.length === 0) return <Empty title={words.none} text={words.noneText} />;
  const detailed = shown === undefined ? undefined : resources.find((r) => r.address === shown);
  return (
    <Stack gap="sm">
      {error && <Failed error={error} onRetry={() => void refetch()} />}
      <Group gap="sm">
        <TextInput
          aria-label={words.search}
          placeholder={words.search}
          value={search}
          onChange={(e) => {
            setSearch(e.currentTarget.value);
            setChosen(new Map());
          }}
          leftSection={<IconSearch size={16} aria-hidden />}
          spellCheck={false}
          style={{ flex: "1 1 240px" }}
        />
        <Button variant="default" onClick={() => all(true)}>
          {words.expand}
        </Button>
        <Button variant="default" onClick={() => all(false)}>
          {words.collapse}
        </Button>
      </Group>
      <Group gap="xs" role="status">
        <Text size="sm" c="dimmed">
          {hasNextPage
            ? words.loading(resources.length)
            : found.length === resources.length
              ? words.count(resources.length)
              : words.found(found.length, resources.length)}
        </Text>
        {hasNextPage && !error && <Loader size="xs" aria-label={common.loading} />}
      </Group>
      {found.length === 0 ? (
        <Empty
          title={words.nothingFound}
          action={
            <Button variant="default" onClick={() => setSearch("")}>
              {common.clearFilter}
            </Button>
          }
        />
      ) : (
        <ResourceTree rows={rows} onToggle={toggle} onShow={(r) => setShown(r.address)} />
      )}
      <ResourceDetails resource={detailed} onClose={() => setShown(undefined)} />
    </Stack>
  );
}
