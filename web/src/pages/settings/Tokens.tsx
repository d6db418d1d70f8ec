import { Badge, Button, Group, Paper, Stack, Switch, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { Dialog, Form } from "~/components/FormDialog";
import { PlainTable } from "~/components/ResourceTable";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { account } from "~/text/account";

import { CreateToken } from "./CreateToken";

type Token = Schemas["Token"];
const words = account.tokens;
const TOKENS = "/v1/users/{user}/tokens";

export function Tokens({ user }: { user: string }) {
  const now = useNow();
  const { data, error, refetch } = queries.useQuery("get", TOKENS, {
    params: { path: { user }, query: { pageSize: 1000 } },
  });
  const [ended, setEnded] = useState(false);
  const [creating, create] = useState(false);
  const [revoking, revoke] = useState<Token>();
  const over = (t: Token) => t.revoked || (t.expireTime !== undefined && Date.parse(t.expireTime) <= now);
  const tokens = data?.tokens.filter((t) => ended || !over(t));
  const button = <Button onClick={() => create(true)}>{words.create}</Button>;

  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {words.title}
          </Title>
          {button}
        </Group>
        <Text size="sm" c="dimmed">
          {words.help}
        </Text>
        {error ? (
          <Failed error={error} onRetry={() => void refetch()} />
        ) : !data || !tokens ? (
          <LoadingRows rows={3} />
        ) : tokens.length === 0 ? (
          <Empty {...words.empty} />
        ) : (
          <PlainTable
            label={words.title}
            head={[words.what, words.scopes, words.created, words.lastUse, words.expires, words.actions]}
            rows={tokens.map((t) => [
              t.displayName || last(t.name),
              t.scopes.length > 0 ? (
                <Group key="scopes" gap={4}>
                  {t.scopes.map((s) => (
                    <Badge key={s} variant="default" tt="none" fw={500} size="sm">
                      {s}
                    </Badge>
                  ))}
                </Group>
              ) : (
                words.everything
              ),
              <Time key="created" at={t.createTime} />,
              t.lastUseTime ? <Time key="used" at={t.lastUseTime} /> : words.neverUsed,
              t.expireTime ? <Time key="ends" at={t.expireTime} /> : words.neverExpires,
              over(t) ? (
                <Badge key="over" variant="default" tt="none">
                  {t.revoked ? words.revoked : words.expired}
                </Badge>
              ) : (
                <Button key="revoke" size="compact-xs" variant="subtle" color="red" onClick={() => revoke(t)}>
                  {words.revoke}
                </Button>
              ),
            ])}
          />
        )}
        {data?.tokens.some(over) && (
          <Switch label={words.showRevoked} checked={ended} onChange={(e) => setEnded(e.currentTarget.checked)} />
        )}
      </Stack>
      <Dialog title={words.create} opened={creating} onClose={() => create(false)}>
        <CreateToken user={user} onClose={() => create(false)} />
      </Dialog>
      <Dialog title={words.revokeTitle} opened={revoking !== undefined} onClose={() => revoke(undefined)}>
        {revoking && <RevokeToken user={user} token={revoking} onClose={() => revoke(undefined)} />}
      </Dialog>
    </Paper>
  );
}

function RevokeToken({ user, token, onClose }: { user: string; token: Token; onClose: () => void }) {
  const reread = useReread();
  const { submit, pending, error } = useSubmit(
    (id: string) => answerOf(api.POST(`${TOKENS}/{token}:revoke`, { params: { path: { user, token: id } }, body: {} })),
    async () => {
      await reread(TOKENS);
      notifications.show({ message: words.revokeDone });
      onClose();
    },
  );
  return (
    <Form
      action={words.revoke}
      danger
      pending={pending}
      error={error}
      onCancel={onClose}
      onSubmit={() => submit(last(token.name))}
    >
      <Text size="sm">{words.revokeText(token.displayName || last(token.name))}</Text>
    </Form>
  );
}
