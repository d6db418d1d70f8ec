import { PasswordInput, SegmentedControl, Switch, TagsInput, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { EventTypesInput } from "~/components/EventTypesInput";
import { Form } from "~/components/FormDialog";
import { errorAt } from "~/lib/fieldErrors";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { projects } from "~/text/projects";

const words = projects.channels;
const CHANNELS = "/v1/projects/{project}/channels";

interface Props {
  project: string;
  // Absent: a new one.
  channel: Schemas["NotificationChannel"] | undefined;
  onClose: () => void;
}

export function ChannelForm({ project, channel, onClose }: Props) {
  const [base] = useState(channel);
  const reread = useReread();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState(base?.displayName ?? "");
  const [kind, setKind] = useState(base?.email ? "email" : "webhook");
  const [url, setUrl] = useState(base?.webhook?.url ?? "");
  const [secretKey, setSecretKey] = useState("");
  const [to, setTo] = useState<string[]>(base?.email?.to ?? []);
  const [eventTypes, setEventTypes] = useState<string[]>(base?.eventTypes ?? ["stack.*"]);
  const [disabled, setDisabled] = useState(base?.disabled ?? false);

  const { submit, pending, error } = useSubmit(
    ({ channelId, ...body }: Schemas["NotificationChannel.Input"] & { channelId: string }, requestId) =>
      answerOf(
        base
          ? api.PATCH(`${CHANNELS}/{channel}`, {
              params: {
                path: { project, channel: last(base.name) },
                query: { updateMask: `displayName,eventTypes,disabled,${kind}`, requestId },
              },
              body: { ...body, etag: base.etag } as Schemas["NotificationChannel.Patch"],
            })
          : api.POST(CHANNELS, {
              params: { path: { project }, query: { notificationChannelId: channelId || undefined, requestId } },
              body,
            }),
      ),
    async () => {
      await reread(CHANNELS);
      notifications.show({ message: words.saved });
      onClose();
    },
  );
  return (
    <Form
      action={base ? projects.settings.save : words.create}
      pending={pending}
      error={error}
      fields={["notificationChannelId", "displayName", "url", "secretKey", "to", "eventTypes"]}
      disabled={eventTypes.length === 0 || (kind === "webhook" ? url.trim() === "" : to.length === 0)}
      onCancel={onClose}
      onReload={() => void reread(CHANNELS).then(onClose)}
      onSubmit={() =>
        submit({
          channelId: id.trim(),
          displayName,
          eventTypes,
          disabled,
          ...(kind === "webhook"
            ? { webhook: { url: url.trim(), ...(secretKey ? { secretKey } : {}) } }
            : { email: { to } }),
        })
      }
    >
      {!base && (
        <TextInput
          label={projects.id}
          value={id}
          onChange={(e) => setId(e.currentTarget.value)}
          error={errorAt(error, "notificationChannelId")}
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
      {!base && (
        <SegmentedControl
          aria-label={words.kind}
          value={kind}
          onChange={setKind}
          data={[
            { value: "webhook", label: words.webhook },
            { value: "email", label: words.email },
          ]}
        />
      )}
      {kind === "webhook" ? (
        <>
          <TextInput
            label={words.url}
            description={words.urlHelp}
            value={url}
            onChange={(e) => setUrl(e.currentTarget.value)}
            error={errorAt(error, "url")}
            type="url"
            required
          />
          <PasswordInput
            label={words.key}
            description={base ? `${words.keyHelp} ${words.keyKept}` : words.keyHelp}
            value={secretKey}
            onChange={(e) => setSecretKey(e.currentTarget.value)}
            error={errorAt(error, "secretKey")}
            autoComplete="new-password"
            required={!base}
          />
        </>
      ) : (
        <TagsInput
          label={words.to}
          description={words.toHelp}
          value={to}
          onChange={setTo}
          error={errorAt(error, "to")}
          acceptValueOnBlur
          required
        />
      )}
      <EventTypesInput value={eventTypes} onChange={setEventTypes} error={errorAt(error, "eventTypes")} />
      <Switch label={words.disabled} checked={disabled} onChange={(e) => setDisabled(e.currentTarget.checked)} />
    </Form>
  );
}
