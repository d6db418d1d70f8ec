import {
  ActionIcon,
  Button,
  Fieldset,
  Group,
  PasswordInput,
  Select,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { Form } from "~/components/FormDialog";
import { errorAt } from "~/lib/fieldErrors";
import { labelLines, parseLabels } from "~/lib/labels";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { forms } from "~/text/forms";
import { projects } from "~/text/projects";

type Credential = Schemas["Credential"];
type Input = Schemas["Credential.Input"];
type Kind = "static" | "webIdentity" | "podIdentity";
const words = projects.credentials;
const CREDENTIALS = "/v1/projects/{project}/credentials";
const FIELDS = ["credentialId", "displayName", "variables", "secretVariables", "roleArn", "region", "providers"];

export const kindOf = (c: Credential): Kind =>
  c.webIdentity ? "webIdentity" : c.podIdentity ? "podIdentity" : "static";

interface Secret {
  key: number;
  name: string;
  value: string;
}
interface Props {
  project: string;
  // Absent: a new one.
  credential: Credential | undefined;
  onClose: () => void;
}

// Secret values live in this form's state alone and are gone when it closes.
export function CredentialForm({ project, credential, onClose }: Props) {
  const [base] = useState(credential);
  const reread = useReread();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState(base?.displayName ?? "");
  const [kind, setKind] = useState<Kind>(base ? kindOf(base) : "static");
  const [variables, setVariables] = useState(() => labelLines(base?.static?.variables));
  const [secrets, setSecrets] = useState<Secret[]>(base ? [] : [{ key: 0, name: "", value: "" }]);
  const [roleArn, setRoleArn] = useState(base?.webIdentity?.roleArn ?? "");
  const [region, setRegion] = useState(base?.webIdentity?.region ?? base?.podIdentity?.region ?? "");
  const [providers, setProviders] = useState(base?.providers ?? []);
  const { labels, bad } = parseLabels(variables);
  const set = base?.static?.secretVariableNames ?? [];

  const { submit, pending, error } = useSubmit(
    ({ credentialId, ...body }: Input & { credentialId: string }, requestId) =>
      answerOf(
        base
          ? api.PATCH(`${CREDENTIALS}/{credential}`, {
              params: {
                path: { project, credential: last(base.name) },
                query: { updateMask: maskOf(kind, secrets), requestId },
              },
              body: { ...body, etag: base.etag } as Schemas["Credential.Patch"],
            })
          : api.POST(CREDENTIALS, { params: { path: { project }, query: { credentialId, requestId } }, body }),
      ),
    async () => {
      await reread(CREDENTIALS);
      notifications.show({ message: words.saved });
      onClose();
    },
  );
  const part = (): Input => {
    if (kind === "webIdentity") return { webIdentity: { roleArn, region } };
    if (kind === "podIdentity") return { podIdentity: { region } };
    const secretVariables = Object.fromEntries(
      secrets.filter((s) => s.name.trim() !== "").map((s) => [s.name.trim(), s.value]),
    );
    return { static: { variables: labels, ...(Object.keys(secretVariables).length > 0 ? { secretVariables } : {}) } };
  };
  return (
    <Form
      action={base ? projects.settings.save : words.create}
      pending={pending}
      error={error}
      fields={FIELDS}
      disabled={(!base && id.trim() === "") || bad !== undefined}
      onCancel={onClose}
      onReload={() => void reread(CREDENTIALS).then(onClose)}
      onSubmit={() => submit({ credentialId: id.trim(), displayName, providers, ...part() })}
    >
      {!base && (
        <TextInput
          label={projects.id}
          value={id}
          onChange={(e) => setId(e.currentTarget.value)}
          error={errorAt(error, "credentialId")}
          autoComplete="off"
          spellCheck={false}
          required
          data-autofocus
        />
      )}
      <TextInput
        label={projects.displayName}
        value={displayName}
        onChange={(e) => setDisplayName(e.currentTarget.value)}
        error={errorAt(error, "displayName")}
      />
      <Select
        label={words.kind}
        data={(["static", "webIdentity", "podIdentity"] as const).map((k) => ({ value: k, label: words[k] }))}
        value={kind}
        onChange={(next) => setKind((next ?? "static") as Kind)}
        allowDeselect={false}
        disabled={base !== undefined}
      />
      {kind === "static" && (
        <>
          <Textarea
            label={words.variables}
            description={words.variablesHelp}
            value={variables}
            onChange={(e) => setVariables(e.currentTarget.value)}
            error={bad !== undefined ? forms.labelsBad(bad) : errorAt(error, "variables")}
            autosize
            minRows={2}
            spellCheck={false}
          />
          <Secrets secrets={secrets} onChange={setSecrets} set={set} error={errorAt(error, "secretVariables")} />
        </>
      )}
      {kind === "webIdentity" && (
        <TextInput
          label={words.roleArn}
          placeholder="arn:aws:iam::123456789012:role/name"
          value={roleArn}
          onChange={(e) => setRoleArn(e.currentTarget.value)}
          error={errorAt(error, "roleArn")}
          required
        />
      )}
      {kind !== "static" && (
        <TextInput
          label={words.region}
          value={region}
          onChange={(e) => setRegion(e.currentTarget.value)}
          error={errorAt(error, "region")}
        />
      )}
      <TagsInput
        label={words.providers}
        description={words.providersHelp}
        value={providers}
        onChange={setProviders}
        error={errorAt(error, "providers")}
        acceptValueOnBlur
      />
    </Form>
  );
}

// Secrets are kept unless new ones are written.
function maskOf(kind: Kind, secrets: Secret[]): string {
  const common = "displayName,providers";
  if (kind !== "static") return `${common},${kind}`;
  return secrets.some((s) => s.name.trim() !== "")
    ? `${common},static.variables,static.secretVariables`
    : `${common},static.variables`;
}

function Secrets(props: { secrets: Secret[]; onChange: (next: Secret[]) => void; set: string[]; error?: string }) {
  const { secrets, onChange } = props;
  const change = (key: number, part: Partial<Secret>) =>
    onChange(secrets.map((s) => (s.key === key ? { ...s, ...part } : s)));
  return (
    <Fieldset legend={words.secrets}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {props.set.length > 0 ? words.secretsKept(props.set.join(", ")) : words.secretsHelp}
        </Text>
        {secrets.map((s) => (
          <Group key={s.key} align="flex-end" gap="xs" wrap="nowrap">
            <TextInput
              flex={1}
              label={words.secretName}
              value={s.name}
              onChange={(e) => change(s.key, { name: e.currentTarget.value })}
              autoComplete="off"
              spellCheck={false}
            />
            <PasswordInput
              flex={1}
              label={words.secretValue}
              value={s.value}
              onChange={(e) => change(s.key, { value: e.currentTarget.value })}
              autoComplete="new-password"
            />
            <ActionIcon
              variant="subtle"
              color="red"
              size="input-sm"
              aria-label={words.removeSecret(s.name)}
              onClick={() => onChange(secrets.filter((other) => other.key !== s.key))}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        ))}
        {props.error && (
          <Text size="sm" c="red" role="alert">
            {props.error}
          </Text>
        )}
        <Group>
          <Button
            size="xs"
            variant="default"
            onClick={() =>
              onChange([...secrets, { key: Math.max(-1, ...secrets.map((s) => s.key)) + 1, name: "", value: "" }])
            }
          >
            {words.addSecret}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
