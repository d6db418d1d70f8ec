import { Alert, Button, Group, Paper, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Form } from "~/components/FormDialog";
import { errorAt } from "~/lib/fieldErrors";
import { labelLines, parseLabels } from "~/lib/labels";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { forms } from "~/text/forms";
import { projects } from "~/text/projects";

const words = projects.settings;
const PROJECT = "/v1/projects";

export function ProjectSettings({ project, can }: { project: Schemas["Project"]; can: Set<string> }) {
  // Each loading anew begins the form again.
  const [loaded, setLoaded] = useState(0);
  return (
    <Stack gap="xl" maw={640}>
      <Details
        key={loaded}
        project={project}
        mayUpdate={can.has("projects.update")}
        onFresh={() => setLoaded((n) => n + 1)}
      />
      {can.has("projects.delete") && <Delete project={project} />}
    </Stack>
  );
}

function Details(props: { project: Schemas["Project"]; mayUpdate: boolean; onFresh: () => void }) {
  const [base] = useState(props.project);
  const reread = useReread();
  const [displayName, setDisplayName] = useState(base.displayName);
  const [description, setDescription] = useState(base.description);
  const [labels, setLabels] = useState(() => labelLines(base.labels));
  const { bad } = parseLabels(labels);
  const id = last(base.name);
  const { submit, pending, error } = useSubmit(
    (body: Schemas["Project.Patch"], requestId) =>
      answerOf(
        api.PATCH("/v1/projects/{project}", {
          params: { path: { project: id }, query: { updateMask: "displayName,description,labels", requestId } },
          body,
        }),
      ),
    async () => {
      await reread(PROJECT);
      notifications.show({ message: words.saved });
      props.onFresh();
    },
  );
  const same =
    displayName === base.displayName && description === base.description && labels === labelLines(base.labels);
  return (
    <Form
      action={words.save}
      pending={pending}
      error={error}
      fields={["displayName", "description", "labels"]}
      disabled={!props.mayUpdate || same || bad !== undefined}
      onReload={() => void reread(PROJECT).then(props.onFresh)}
      onSubmit={() => submit({ displayName, description, labels: parseLabels(labels).labels, etag: base.etag })}
    >
      {!props.mayUpdate && <Alert color="gray">{words.readOnly}</Alert>}
      <TextInput
        label={projects.displayName}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
        readOnly={!props.mayUpdate}
      />
      <Textarea
        label={projects.description}
        value={description}
        onChange={(e) => setDescription(e.currentTarget.value)}
        error={errorAt(error, "description")}
        readOnly={!props.mayUpdate}
        autosize
        minRows={2}
      />
      <Textarea
        label={forms.labels}
        description={forms.labelsHelp}
        value={labels}
        onChange={(e) => setLabels(e.currentTarget.value)}
        error={bad !== undefined ? forms.labelsBad(bad) : errorAt(error, "labels")}
        readOnly={!props.mayUpdate}
        autosize
        minRows={2}
        spellCheck={false}
      />
    </Form>
  );
}

function Delete({ project }: { project: Schemas["Project"] }) {
  const id = last(project.name);
  const navigate = useNavigate();
  const reread = useReread();
  const [opened, { open, close }] = useDisclosure();
  const { submit, pending, error, clear } = useSubmit(
    (etag: string, requestId) =>
      answerOf<unknown>(
        api.DELETE("/v1/projects/{project}", { params: { path: { project: id }, query: { etag, requestId } } }),
      ),
    async () => {
      notifications.show({ message: words.removed(id) });
      await navigate({ to: "/projects" });
      await reread(PROJECT);
    },
  );
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {words.danger}
        </Title>
        <Text size="sm">{words.dangerText}</Text>
        <Group>
          <Button color="red" variant="outline" onClick={open}>
            {words.remove}
          </Button>
        </Group>
      </Stack>
      <ConfirmTyped
        title={words.danger}
        word={id}
        action={words.remove}
        opened={opened}
        onClose={() => {
          clear();
          close();
        }}
        onConfirm={() => submit(project.etag)}
        pending={pending}
        error={error}
      >
        <Text size="sm">{words.dangerText}</Text>
      </ConfirmTyped>
    </Paper>
  );
}
