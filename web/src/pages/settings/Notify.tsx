import { Paper, Stack, Switch, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { EventTypesInput } from "~/components/EventTypesInput";
import { Form } from "~/components/FormDialog";
import { Failed, LoadingRows } from "~/components/States";
import { errorAt } from "~/lib/fieldErrors";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { account } from "~/text/account";

const words = account.notify;
const SETTINGS = "/v1/users/{user}/notificationSettings";

export function Notify({ user, address }: { user: string; address: string }) {
  const { data, error, refetch } = queries.useQuery("get", SETTINGS, { params: { path: { user } } });
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="sm" maw={640}>
        <Title order={2} size="h4">
          {words.title}
        </Title>
        {error ? (
          <Failed error={error} onRetry={() => void refetch()} />
        ) : !data ? (
          <LoadingRows rows={2} />
        ) : (
          <NotifyForm user={user} address={address} settings={data} />
        )}
      </Stack>
    </Paper>
  );
}

function NotifyForm(props: { user: string; address: string; settings: Schemas["NotificationSettings"] }) {
  const { user, address } = props;
  const reread = useReread();
  const [email, setEmail] = useState(props.settings.email);
  const [muted, setMuted] = useState(props.settings.muted);
  const { submit, pending, error } = useSubmit(
    (body: Schemas["NotificationSettings.Patch"]) =>
      answerOf(api.PATCH(SETTINGS, { params: { path: { user }, query: { updateMask: "email,muted" } }, body })),
    async () => {
      await reread(SETTINGS);
      notifications.show({ message: words.saved });
    },
  );
  return (
    <Form
      action={words.save}
      pending={pending}
      error={error}
      fields={["email", "muted"]}
      onSubmit={() => submit({ email, muted })}
    >
      <Switch
        label={words.email}
        description={address ? words.emailTo(address) : words.noEmail}
        checked={email}
        disabled={!address && !email}
        onChange={(e) => setEmail(e.currentTarget.checked)}
        error={errorAt(error, "email")}
      />
      <EventTypesInput label={words.muted} value={muted} onChange={setMuted} error={errorAt(error, "muted")} />
    </Form>
  );
}
