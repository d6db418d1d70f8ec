import { Alert, List, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import { useRuns } from "~/api/lists";
import { TextLink } from "~/components/Links";
import { last, runIds, stackIds } from "~/lib/names";
import { failedRun, faultsOf, inWords, shortOf } from "~/lib/stackState";
import { stackText } from "~/text/stack";

import type { Can, Deeds, Stack as StackOf } from "./calls";

const words = stackText.failure;

// What went wrong, by resource, and what can be done about it.
export function Failure({ stack, deeds, can }: { stack: StackOf; deeds: Deeds; can: Can }) {
  const ids = stackIds(stack.name);
  const { data } = useRuns(
    ids,
    { filter: "type != REFRESH AND type != PREVIEW", pageSize: 1 },
    { enough: (runs) => runs.length > 0, enabled: can.has("runs.list") },
  );
  const run = failedRun(data?.rows);
  const cut = data?.rows.length === 0 && data.nextPageToken !== "";
  const faults = faultsOf(run?.diagnostics ?? []);
  const short = shortOf(stack.stateDetail?.error);
  const failed = stack.state === "FAILED";
  return (
    <Alert
      color={failed ? "red" : "orange"}
      icon={<IconAlertTriangle aria-hidden />}
      title={failed ? words.title : words.noChange}
    >
      <Stack gap="sm">
        {faults.length === 0 && short.length === 0 && (
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {inWords(stack.stateDetail?.message ?? "")}
          </Text>
        )}
        {cut && <Text size="sm">{words.cut}</Text>}
        {faults.map((fault) => (
          <div key={fault.address}>
            <Text size="sm" fw={600} ff={fault.address ? "monospace" : undefined} style={{ overflowWrap: "anywhere" }}>
              {fault.address || words.general}
            </Text>
            <List size="sm">
              {fault.entries.map((e) => (
                <List.Item key={`${e.where} ${e.summary} ${e.detail}`}>
                  {e.summary}
                  {e.where && ` (${e.where})`}
                  {e.times > 1 && ` · ${words.times(e.times)}`}
                  {e.detail && (
                    <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                      {e.detail}
                    </Text>
                  )}
                </List.Item>
              ))}
            </List>
          </div>
        ))}
        {short.length > 0 && (
          <div>
            <Text size="sm" fw={600}>
              {words.short}
            </Text>
            <List size="sm">
              {short.map((s) => (
                <List.Item key={s.subject}>{s.description || s.subject}</List.Item>
              ))}
            </List>
          </div>
        )}
        {run && run.unsavedResources.length > 0 && (
          <div>
            <Text size="sm">{words.unsaved}</Text>
            <List size="sm">
              {run.unsavedResources.map((address) => (
                <List.Item key={address}>
                  <Text span ff="monospace" size="sm" style={{ overflowWrap: "anywhere" }}>
                    {address}
                  </Text>
                </List.Item>
              ))}
            </List>
          </div>
        )}
        <div>
          <Title order={2} size="h6">
            {words.next}
          </Title>
          <List size="sm">
            {run && (
              <List.Item>
                <TextLink
                  to="/projects/$project/stacks/$stack/runs/$run"
                  params={runIds(run.name)}
                  inherit
                  c="inherit"
                  td="underline"
                >
                  {words.log(last(run.name))}
                </TextLink>
              </List.Item>
            )}
            {short.length > 0 && (
              <List.Item>
                {words.steps.quota}{" "}
                <TextLink
                  to="/projects/$project/quota"
                  params={{ project: ids.project }}
                  inherit
                  c="inherit"
                  td="underline"
                >
                  {words.quota}
                </TextLink>
              </List.Item>
            )}
            {deeds.has("retry") && <List.Item>{words.steps.retry}</List.Item>}
            {deeds.has("update") && <List.Item>{words.steps.update}</List.Item>}
            {failed && stack.appliedRevision !== "0" && <List.Item>{words.steps.rollback}</List.Item>}
            {failed && <List.Item>{words.steps.destroy}</List.Item>}
          </List>
        </div>
      </Stack>
    </Alert>
  );
}
