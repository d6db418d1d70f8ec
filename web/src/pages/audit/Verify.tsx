import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { Problem } from "~/components/States";
import { answerOf, useSubmit } from "~/lib/submit";
import { audit } from "~/text/audit";

const words = audit.verify;

// Has the server compute the hash chain of the log again.
export function Verify({ project, onShow }: { project: string; onShow: (filter: string) => void }) {
  const [result, setResult] = useState<Schemas["VerifyEventsResponse"]>();
  const { submit, pending, error } = useSubmit(
    (id: string) => answerOf(api.GET("/v1/projects/{project}/events:verify", { params: { path: { project: id } } })),
    setResult,
  );
  const number = (n: string) => Number(n).toLocaleString();
  return (
    <Stack gap="xs">
      <Group gap="sm">
        <Button
          variant="default"
          leftSection={<IconShieldCheck size={16} aria-hidden />}
          disabled={pending}
          onClick={() => {
            setResult(undefined);
            submit(project);
          }}
        >
          {words.action}
        </Button>
        <Text size="sm" c="dimmed" flex={1} miw={200}>
          {words.help}
        </Text>
      </Group>
      <div aria-live="polite">
        {pending && (
          <Group gap="xs">
            <Loader size="xs" aria-hidden />
            <Text size="sm">{words.running}</Text>
          </Group>
        )}
        {result?.intact && (
          <Alert color="green" title={words.intact}>
            {words.intactText(number(result.checked))}
          </Alert>
        )}
        {result && !result.intact && (
          <Alert color="red" title={words.broken(number(result.brokenSequence))}>
            <Stack gap="xs" align="flex-start">
              <Text size="sm">
                {result.message} {words.brokenText(number(result.checked))}
              </Text>
              <Button size="xs" variant="default" onClick={() => onShow(`sequence = ${result.brokenSequence}`)}>
                {words.show}
              </Button>
            </Stack>
          </Alert>
        )}
      </div>
      {error !== undefined && <Problem error={error} />}
    </Stack>
  );
}
