import { Alert, Button, Code, Group, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { api } from "~/api/client";
import { Copy } from "~/components/Copy";
import { Form } from "~/components/FormDialog";
import { errorAt } from "~/lib/fieldErrors";
import { PERMISSIONS } from "~/lib/permissions";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { account } from "~/text/account";

const words = account.tokens;
const TOKENS = "/v1/users/{user}/tokens";
const DAYS = [1, 7, 30, 90, 365];
const DAY_S = 86_400;

interface Body {
  displayName: string;
  days: string;
  scopes: string[];
}

// The secret is in this component's state alone: it is gone when the dialog closes.
export function CreateToken({ user, onClose }: { user: string; onClose: () => void }) {
  const reread = useReread();
  const [displayName, setDisplayName] = useState("");
  const [days, setDays] = useState("30");
  const [scopes, setScopes] = useState<string[]>([]);
  const [secret, setSecret] = useState<string>();
  const { submit, pending, error } = useSubmit(
    ({ days: length, ...body }: Body) =>
      answerOf(
        api.POST(TOKENS, {
          params: { path: { user }, query: length === "" ? {} : { ttl: `${Number(length) * DAY_S}s` } },
          body,
        }),
      ),
    async (answer) => {
      setSecret(answer.secret);
      await reread(TOKENS);
    },
  );

  if (secret !== undefined) {
    return (
      <Stack>
        <Alert color="yellow" title={words.onlyOnce} role="status">
          {words.onlyOnceText}
        </Alert>
        <Stack gap={4}>
          <Text size="sm" fw={500}>
            {words.secret}
          </Text>
          <Group gap="xs" wrap="nowrap">
            <Code block flex={1} style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
              {secret}
            </Code>
            <Copy value={secret} what={words.secret} />
          </Group>
        </Stack>
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            {words.done}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Form
      action={words.create}
      pending={pending}
      error={error}
      fields={["displayName", "ttl", "scopes"]}
      disabled={displayName.trim() === ""}
      onCancel={onClose}
      onSubmit={() => submit({ displayName, days, scopes })}
    >
      <TextInput
        label={words.what}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
        required
        data-autofocus
      />
      <TagsInput
        label={words.scopes}
        description={words.scopesHelp}
        data={PERMISSIONS}
        value={scopes}
        onChange={setScopes}
        error={errorAt(error, "scopes")}
        maxDropdownHeight={160}
      />
      <Select
        label={words.ends}
        data={[...DAYS.map((n) => ({ value: String(n), label: words.days(n) })), { value: "", label: words.never }]}
        value={days}
        onChange={(next) => setDays(next ?? "")}
        error={errorAt(error, "ttl")}
        allowDeselect={false}
      />
    </Form>
  );
}
