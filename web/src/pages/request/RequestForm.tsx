import { Button, Grid, Paper, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useCallback, useMemo, useState } from "react";

import { ApiError, queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { fieldFaults } from "~/components/FieldFaults";
import { ParameterForm } from "~/components/ParameterForm";
import { Problem } from "~/components/States";
import { last } from "~/lib/names";
import { type Draft, type Drafts, draftsOf, edited, type Entry, readNew } from "~/lib/parameters";
import { useRequestId } from "~/lib/requestId";
import {
  asFaults,
  entriesOf,
  type Faults,
  isResourceId,
  leaseDraft,
  leaseFaults,
  leaseInput,
  mapOf,
  merged,
  nameFaults,
  parameterFaults,
  reasonFaults,
} from "~/lib/stackForm";
import { secondsOf } from "~/lib/time";
import { LeaseFields, NameFields, Part, ReasonField, told, VersionField } from "~/pages/request/Fields";
import { Fit } from "~/pages/request/Fit";
import { useFaults } from "~/pages/request/useFaults";
import { usePreview } from "~/pages/request/usePreview";
import { requestText as text } from "~/text/request";

interface Props {
  projects: Schemas["Project"][];
  // Where the form begins, where that is said.
  project: string | undefined;
  versions: Schemas["TemplateVersion"][];
  latest: string;
  version: Schemas["TemplateVersion"];
  onVersion: (version: string) => void;
  // A stack that the form is filled from.
  copy: Schemas["Stack"] | undefined;
}

// The form for a new stack, and beside it what it would cost.
export function RequestForm({ projects, project: first, versions, latest, version, onVersion, copy }: Props) {
  const ids = projects.map((p) => last(p.name));
  const [project, setProject] = useState(first && ids.includes(first) ? first : ids.length === 1 ? ids[0] : undefined);
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState(copy?.displayName ?? "");
  const [labels, setLabels] = useState<Entry[]>(entriesOf(copy?.labels));
  const [reason, setReason] = useState("");
  const [lease, setLease] = useState(() =>
    leaseDraft(secondsOf(copy?.lease?.duration) || secondsOf(version.lease?.defaultDuration)),
  );
  const [edits, setEdits] = useState<Drafts>({});
  const drafts = edited(
    useMemo(() => draftsOf(version.parameters, copy?.parameters ?? {}), [version, copy]),
    edits,
  );

  const { form, faults, show, refused, edited: touched } = useFaults();
  const preview = usePreview();
  const { idFor: requestId } = useRequestId();
  const client = useQueryClient();
  const navigate = useNavigate();
  // Values may be secrets: nothing of them outlives the page.
  const create = queries.useMutation("post", "/v1/projects/{project}/stacks", { gcTime: 0 });
  const [untold, setUntold] = useState<unknown>();
  const may = useCan(project ? `projects/${project}` : "", ["stacks.create"]);

  const read = readNew(version.parameters, drafts);
  const stack: Schemas["Stack.Input"] = {
    templateVersion: version.name,
    displayName: displayName.trim(),
    labels: mapOf(labels),
    parameters: read.values,
    lease: leaseInput(lease, version.lease),
  };

  // What is wrong with what is checked, and with what only the request has.
  const contentFaults = (): Faults => {
    const found = merged(asFaults(read.faults), nameFaults(displayName, labels), leaseFaults(lease, version.lease));
    if (!project) found.project = [text.fault.required];
    return found;
  };
  const ownFaults = (): Faults => ({
    ...(isResourceId(id) ? {} : { stack_id: [text.fault.id] }),
    ...reasonFaults(reason),
  });

  const check = () => {
    if (show(contentFaults()) || !project) return;
    preview.start(project, stack, refused);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setUntold(undefined);
    if (show(merged(ownFaults(), contentFaults())) || !project || create.isPending) return;
    const query = { stackId: id, reason: reason.trim() };
    create.mutate(
      {
        params: { path: { project }, query: { ...query, requestId: requestId([project, query, stack]) } },
        body: stack,
      },
      {
        onSuccess: () => {
          void client.invalidateQueries({ queryKey: ["get", "/v1/projects/{project}/stacks"] });
          void navigate({ to: "/projects/$project/stacks/$stack", params: { project, stack: id } });
        },
        onError: (error: unknown) => {
          const exists = error instanceof ApiError && error.reason === "RESOURCE_EXISTS";
          if (exists ? !show({ stack_id: [text.exists(id, project)] }) : !refused(error)) setUntold(error);
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
  const count = Object.keys(faults).length;
  const forbidden = project !== undefined && may !== undefined && !may.has("stacks.create");

  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="lg">
            {copy && (
              <Text size="sm" c="dimmed">
                {text.copied} <b>{copy.name}</b>. {text.copySecrets}
              </Text>
            )}
            <Part title={text.basics}>
              <Select
                label={text.project}
                description={text.projectHelp}
                withAsterisk
                searchable
                data={projects.map((p) => ({
                  value: last(p.name),
                  label: p.displayName ? `${p.displayName} (${last(p.name)})` : last(p.name),
                }))}
                value={project ?? null}
                allowDeselect={false}
                onChange={(next) => {
                  setProject(next ?? undefined);
                  touched("project");
                }}
                error={forbidden ? fieldFaults([text.mayNot]) : told(faults, "project")}
              />
              <TextInput
                label={text.id}
                description={text.idHelp}
                placeholder={`${last(version.name.replace(/\/versions\/.*/, ""))}-1`}
                withAsterisk
                value={id}
                onChange={(e) => {
                  setId(e.currentTarget.value);
                  touched("stack_id");
                }}
                error={told(faults, "stack_id")}
                spellCheck={false}
                autoComplete="off"
              />
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
                held={copy?.parameters}
              />
            </Part>
            <Part title={text.lease}>
              <LeaseFields
                lease={lease}
                policy={version.lease}
                onChange={(next, field) => {
                  setLease(next);
                  touched(field);
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
              project={project ?? ""}
              preview={preview}
              stale={preview.stale(project ?? "", stack)}
              onCheck={check}
              meters={version.meters}
            />
            <Paper withBorder p="md">
              <Stack gap="sm">
                <Text size="sm">
                  {version.approval?.mode === "AUTO"
                    ? text.noReview
                    : text.needsReview(
                        version.approval?.requiredApprovals ?? 1,
                        version.approval?.reviewerRole ?? "devops",
                      )}
                </Text>
                <Text size="sm" c="red" role="alert">
                  {count > 0 ? text.attention(count) : ""}
                </Text>
                {untold !== undefined && <Problem error={untold} />}
                <Button type="submit" loading={create.isPending} disabled={forbidden}>
                  {text.submit}
                </Button>
              </Stack>
            </Paper>
          </Stack>
        </Grid.Col>
      </Grid>
    </form>
  );
}
