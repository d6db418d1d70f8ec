import { Alert, Button, Code, Group, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { ConfirmTyped } from "~/components/ConfirmTyped";
import { Dialog, Form, FormError } from "~/components/FormDialog";
import { PlainTable } from "~/components/ResourceTable";
import { StateBadge } from "~/components/StateBadge";
import { Empty, Failed, LoadingRows } from "~/components/States";
import { Time } from "~/components/Time";
import { errorAt } from "~/lib/fieldErrors";
import { last, versionIds } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { admin } from "~/text/admin";

type Template = Schemas["Template"];
type Version = Schemas["TemplateVersion"];
const words = admin.templates;
const TEMPLATES = "/v1/templates";
const DIGEST_SHOWN = 12;
const PREPARING_EVERY_MS = 3_000;

interface Props {
  template: Template;
  can: Set<string>;
  onPublish: () => void;
  onGone: () => void;
}

export function TemplateVersions({ template, can, onPublish, onGone }: Props) {
  const id = last(template.name);
  const { data, error, refetch } = queries.useQuery(
    "get",
    "/v1/templates/{template}/versions",
    { params: { path: { template: id }, query: { pageSize: 200 } } },
    {
      refetchInterval: ({ state }) =>
        state.data?.templateVersions.some((v) => v.state === "PREPARING") && PREPARING_EVERY_MS,
    },
  );
  // A version, or the template itself.
  const [deprecating, deprecate] = useState<Version | Template>();
  return (
    <Stack gap="md">
      {template.deprecation && (
        <Alert color="orange" title={words.deprecated}>
          {template.deprecation}
        </Alert>
      )}
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <LoadingRows rows={3} />
      ) : data.templateVersions.length === 0 ? (
        <Empty title={words.noVersions} />
      ) : (
        <PlainTable
          label={words.versionsOf(id)}
          head={[words.version, words.state, words.by, words.when, words.digest, words.actions]}
          rows={data.templateVersions.map((v) => [
            last(v.name),
            <Stack key="state" gap={2}>
              <StateBadge state={v.state} size="sm" />
              {v.stateDetail?.message && (
                <Text size="xs" style={{ overflowWrap: "anywhere" }}>
                  {v.stateDetail.message}
                </Text>
              )}
            </Stack>,
            last(v.publisher),
            <Time key="when" at={v.createTime} />,
            <Code key="digest" title={v.bundleDigest}>
              {v.bundleDigest.slice(0, DIGEST_SHOWN)}
            </Code>,
            v.state === "ACTIVE" && can.has("templates.publish") && (
              <Button key="deprecate" size="compact-xs" variant="default" onClick={() => deprecate(v)}>
                {words.deprecate}
              </Button>
            ),
          ])}
        />
      )}
      <TemplateActions
        template={template}
        can={can}
        onPublish={onPublish}
        onDeprecate={() => deprecate(template)}
        onGone={onGone}
      />
      <Dialog
        title={words.deprecateTitle(last(deprecating?.name ?? ""))}
        opened={deprecating !== undefined}
        onClose={() => deprecate(undefined)}
      >
        {deprecating && <Deprecate of={deprecating} onClose={() => deprecate(undefined)} />}
      </Dialog>
    </Stack>
  );
}

function Deprecate({ of, onClose }: { of: Version | Template; onClose: () => void }) {
  const reread = useReread();
  const [reason, setReason] = useState("");
  const { submit, pending, error } = useSubmit(
    (text: string, requestId) =>
      answerOf<unknown>(
        "bundleDigest" in of
          ? api.POST("/v1/templates/{template}/versions/{version}:deprecate", {
              params: { path: versionIds(of.name) },
              body: { reason: text, requestId },
            })
          : api.PATCH("/v1/templates/{template}", {
              params: { path: { template: last(of.name) }, query: { updateMask: "deprecation", requestId } },
              body: { deprecation: text, etag: of.etag },
            }),
      ),
    async () => {
      await reread(TEMPLATES);
      notifications.show({ message: words.deprecateDone });
      onClose();
    },
  );
  return (
    <Form
      action={words.deprecate}
      pending={pending}
      error={error}
      fields={["reason", "deprecation"]}
      disabled={reason.trim() === ""}
      onCancel={onClose}
      onReload={() => void reread(TEMPLATES).then(onClose)}
      onSubmit={() => submit(reason.trim())}
    >
      <Text size="sm">{words.deprecateText}</Text>
      <TextInput
        label={words.useInstead}
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        error={errorAt(error, "reason") ?? errorAt(error, "deprecation")}
        required
        data-autofocus
      />
    </Form>
  );
}

interface ActionProps extends Props {
  onDeprecate: () => void;
}

function TemplateActions({ template, can, onPublish, onDeprecate, onGone }: ActionProps) {
  const id = last(template.name);
  const reread = useReread();
  const [asking, ask] = useState(false);
  const offer = useSubmit(
    (etag: string, requestId) =>
      answerOf(
        api.PATCH("/v1/templates/{template}", {
          params: { path: { template: id }, query: { updateMask: "deprecation", requestId } },
          body: { deprecation: "", etag },
        }),
      ),
    async () => {
      await reread(TEMPLATES);
      notifications.show({ message: words.undone });
    },
  );
  const remove = useSubmit(
    (etag: string, requestId) =>
      answerOf<unknown>(
        api.DELETE("/v1/templates/{template}", { params: { path: { template: id }, query: { etag, requestId } } }),
      ),
    async () => {
      ask(false);
      onGone();
      notifications.show({ message: words.removed });
      await reread(TEMPLATES);
    },
  );
  return (
    <>
      <FormError error={offer.error} onReload={() => void reread(TEMPLATES).then(offer.clear)} />
      <Group gap="xs">
        {can.has("templates.publish") && (
          <Button size="xs" onClick={onPublish}>
            {words.publish}
          </Button>
        )}
        {can.has("templates.update") &&
          (template.deprecation ? (
            <Button size="xs" variant="default" loading={offer.pending} onClick={() => offer.submit(template.etag)}>
              {words.undo}
            </Button>
          ) : (
            <Button size="xs" variant="default" onClick={onDeprecate}>
              {words.deprecateAll}
            </Button>
          ))}
        {can.has("templates.delete") && (
          <Button size="xs" variant="subtle" color="red" onClick={() => ask(true)}>
            {words.remove}
          </Button>
        )}
      </Group>
      <ConfirmTyped
        title={words.remove}
        word={id}
        action={words.remove}
        opened={asking}
        onClose={() => {
          remove.clear();
          ask(false);
        }}
        onConfirm={() => remove.submit(template.etag)}
        pending={remove.pending}
        error={remove.error}
      >
        <Text size="sm">{words.removeText}</Text>
      </ConfirmTyped>
    </>
  );
}
