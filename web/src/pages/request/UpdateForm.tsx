import { Alert, Button, Grid, Paper, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useCallback, useMemo, useState } from "react";

import { ApiError, queries, type Schemas } from "~/api/client";
import { ParameterForm } from "~/components/ParameterForm";
import { Problem } from "~/components/States";
import { last, stackIds } from "~/lib/names";
import { type Draft, type Drafts, draftsOf, edited, type Entry, readChanges, type Values } from "~/lib/parameters";
import { useRequestId } from "~/lib/requestId";
import {
  asFaults,
  entriesOf,
  type Faults,
  mapOf,
  merged,
  nameFaults,
  parameterFaults,
  reasonFaults,
} from "~/lib/stackForm";
import { patchOf } from "~/lib/stackUpdate";
import { NameFields, Part, ReasonField, VersionField } from "~/pages/request/Fields";
import { Fit } from "~/pages/request/Fit";
import { useFaults } from "~/pages/request/useFaults";
import { usePreview } from "~/pages/request/usePreview";
import { requestText as text } from "~/text/request";

interface Props {
  stack: Schemas["Stack"];
  // The parameters that a change starts from, and the version that they are of.
  held: Values;
  current: string;
  versions: Schemas["TemplateVersion"][];
  latest: string;
  version: Schemas["TemplateVersion"];
  onVersion: (version: string) => void;
  onReload: () => void;
}

// The form for a change of a stack. Only what was changed in it is sent.
export function UpdateForm({ stack, held, current, versions, latest, version, onVersion, onReload }: Props) {
  // Undefined while untouched: what is entered stays on top of the stack when that is loaded anew.
  const [newName, setDisplayName] = useState<string>();
  const [newLabels, setLabels] = useState<Entry[]>();
  const displayName = newName ?? stack.displayName;
  const labels = newLabels ?? entriesOf(stack.labels);
  const [reason, setReason] = useState("");
  const [edits, setEdits] = useState<Drafts>({});
  const before = useMemo(() => draftsOf(version.parameters, held), [version, held]);
  const drafts = edited(before, edits);

  const { form, faults, show, refused, edited: touched } = useFaults();
  const preview = usePreview();
  const { idFor: requestId } = useRequestId();
  const client = useQueryClient();
  const navigate = useNavigate();
  // Values may be secrets: nothing of them outlives the page.
  const update = queries.useMutation("patch", "/v1/projects/{project}/stacks/{stack}", { gcTime: 0 });
  const [untold, setUntold] = useState<unknown>();

  const path = stackIds(stack.name);
  const changes = readChanges(version.parameters, held, before, drafts);
  const currentName = version.name.replace(/[^/]*$/, current);
  const { mask, body } = patchOf(stack, currentName, {
    displayName: displayName.trim(),
    labels: mapOf(labels),
    templateVersion: version.name,
    parameters: changes,
  });
  // All parameters as they would be: a preview takes no mask. Secrets stay by their mark.
  const kept = Object.entries(held).filter(([name]) => !changes.names.includes(name));
  const wanted = {
    name: stack.name,
    templateVersion: version.name,
    parameters: { ...Object.fromEntries(kept), ...changes.values },
  };

  const allFaults = (): Faults =>
    merged(asFaults(changes.faults), nameFaults(displayName, labels), reasonFaults(reason));
  const check = () => {
    if (!show(allFaults())) preview.start(path.project, wanted, refused);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setUntold(undefined);
    if (show(allFaults()) || mask.length === 0 || update.isPending) return;
    const query = { updateMask: mask.join(","), reason: reason.trim() };
    update.mutate(
      { params: { path, query: { ...query, requestId: requestId([query, body]) } }, body },
      {
        onSuccess: () => {
          void client.invalidateQueries({
            predicate: ({ queryKey: [, key] }) =>
              typeof key === "string" && key.startsWith("/v1/projects/{project}/stacks"),
          });
          void navigate({ to: "/projects/$project/stacks/$stack", params: path });
        },
        onError: (error: unknown) => {
          if (!refused(error)) setUntold(error);
        },
      },
    );
  };
  const onParameter = useCallback(
    (name: string, draft: Draft) => {
      setEdits((old) => ({ ...old, [name]: draft }));
      touched(`parameters.${name}`);
    },
    [touched],
  );
  const reload = () => {
    setUntold(undefined);
    onReload();
  };
  const count = Object.keys(faults).length;
  const changedMeanwhile = untold instanceof ApiError && untold.reason === "ETAG_MISMATCH";

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="lg">
            <Part title={text.parameters}>
              <VersionField
                versions={versions}
                latest={latest}
                value={last(version.name)}
                onChange={(next) => {
                  onVersion(next);
                  show({});
                }}
                faults={faults}
              />
              <ParameterForm
                parameters={version.parameters}
                drafts={drafts}
                onChange={onParameter}
                faults={parameterFaults(faults)}
                held={held}
                keepsSecrets
              />
            </Part>
            <Part title={text.names}>
              <NameFields
                displayName={displayName}
                onDisplayName={(next) => {
                  setDisplayName(next);
                  touched("display_name");
                }}
                labels={labels}
                onLabels={(next) => {
                  setLabels(next);
                  touched("labels");
                }}
                faults={faults}
              />
            </Part>
            <Part title={text.why}>
              <ReasonField
                value={reason}
                onChange={(next) => {
                  setReason(next);
                  touched("reason");
                }}
                faults={faults}
              />
            </Part>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack gap="lg" pos="sticky" top={68}>
            <Fit
              project={path.project}
              preview={preview}
              stale={preview.stale(path.project, wanted)}
              onCheck={check}
              meters={version.meters}
              held={stack.amounts}
            />
            <Paper withBorder p="md">
              <Stack gap="sm">
                <Text size="sm" aria-live="polite" style={{ overflowWrap: "anywhere" }}>
                  {mask.length === 0 ? text.nothingChanged : text.changed(mask.map(shown).join(", "))}
                </Text>
                <Text size="sm" c="dimmed">
                  {text.keepsLease}
                </Text>
                <Text size="sm" c="red" role="alert">
                  {count > 0 ? text.attention(count) : ""}
                </Text>
                {changedMeanwhile ? (
                  <Alert color="yellow" role="alert" title={text.changedMeanwhile}>
                    <Stack gap="xs" align="flex-start">
                      <Text size="sm">{text.changedMeanwhileText}</Text>
                      <Button size="xs" variant="default" onClick={reload}>
                        {text.reload}
                      </Button>
                    </Stack>
                  </Alert>
                ) : (
                  untold !== undefined && <Problem error={untold} />
                )}
                <Button type="submit" loading={update.isPending} disabled={mask.length === 0 || changedMeanwhile}>
                  {text.update}
                </Button>
              </Stack>
            </Paper>
          </Stack>
        </Grid.Col>
      </Grid>
    </form>
  );
}

const shown = (path: string) => text.paths[path] ?? path.replace(/^parameters\./, "");
