import { Alert, Anchor, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";

import { queries, type Schemas } from "~/api/client";
import { Failed } from "~/components/States";
import { last } from "~/lib/names";
import { useReread } from "~/lib/submit";
import { admin } from "~/text/admin";
import { common } from "~/text/common";

const words = admin.publish;
const EVERY_MS = 1_000;

interface Props {
  operation: Schemas["Operation"];
  template: string;
  onClose: () => void;
}

// A version on its way: a runner reads and validates the module.
export function Publishing({ operation, template, onClose }: Props) {
  const reread = useReread();
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/operations/{operation}",
    { params: { path: { operation: last(operation.name ?? "") } } },
    { refetchInterval: ({ state }) => (state.data?.done ? false : EVERY_MS) },
  );
  const done = data?.done ?? false;
  useEffect(() => {
    if (done) void reread("/v1/templates");
    // Once, when it is done.
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `reread` is anew at each draw.
  }, [done]);

  return (
    <Stack aria-live="polite">
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !done ? (
        <Group gap="sm">
          <Loader size="sm" aria-hidden />
          <Text size="sm">{words.running}</Text>
        </Group>
      ) : data?.error ? (
        <Alert color="red" title={words.failed}>
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {data.error.message}
          </Text>
        </Alert>
      ) : (
        <Alert color="green" title={words.done(template)}>
          <Anchor component={Link} to={`/catalogue/${encodeURIComponent(template)}`} size="sm">
            {template}
          </Anchor>
        </Alert>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {common.close}
        </Button>
      </Group>
    </Stack>
  );
}
