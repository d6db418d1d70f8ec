import { Alert, Button, FileButton, Group, Loader, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { api, type Schemas } from "~/api/client";
import { Form } from "~/components/FormDialog";
import { Problem } from "~/components/States";
import { type Bundle, bundleOf, MOST_BYTES } from "~/lib/bundle";
import { errorAt } from "~/lib/fieldErrors";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { base64 } from "~/lib/tar";
import { admin } from "~/text/admin";

import { Publishing } from "./Publishing";

const words = admin.publish;
const KIB = 1024;
// React's types do not know this attribute, which makes a file input choose a folder.
const FOLDER: object = { webkitdirectory: "" };

interface Body {
  template: string;
  versionId: string;
  validateOnly: boolean;
  // When the bundle was chosen: another one is no retry.
  chosen: number | undefined;
}
interface Result {
  template: string;
  validateOnly: boolean;
  operation: Schemas["Operation"];
}

// Packs a folder, or takes an archive, and publishes it as a version of a template.
export function Publish({ template: given, onClose }: { template: string; onClose: () => void }) {
  const reread = useReread();
  const [template, setTemplate] = useState(given);
  const [versionId, setVersionId] = useState("");
  const [source, setSource] = useState("folder");
  const [bundle, setBundle] = useState<Bundle & { name: string; chosen: number }>();
  const [fault, setFault] = useState<unknown>();
  const [packing, setPacking] = useState(false);
  const [result, setResult] = useState<Result>();
  const { submit, pending, error } = useSubmit(
    async ({ template: id, ...body }: Body, requestId): Promise<Result> => {
      const operation = await answerOf(
        api.POST("/v1/templates/{template}/versions:publish", {
          params: { path: { template: id } },
          body: {
            versionId: body.versionId,
            validateOnly: body.validateOnly,
            bundle: base64(bundle?.data ?? new Uint8Array()),
            requestId,
          },
        }),
      );
      return { template: id, validateOnly: body.validateOnly, operation };
    },
    async (answer) => {
      setResult(answer);
      await reread("/v1/templates");
    },
  );

  const take = async (name: string, read: () => Promise<Bundle | undefined>) => {
    setBundle(undefined);
    setFault(undefined);
    setResult(undefined);
    setPacking(true);
    try {
      const found = await read();
      if (!found) setFault(new Error(words.noSpec));
      else if (found.data.length > MOST_BYTES) setFault(new Error(words.tooLarge));
      else setBundle({ ...found, name, chosen: Date.now() });
    } catch (e) {
      setFault(e);
    } finally {
      setPacking(false);
    }
  };
  const send = (validateOnly: boolean) => {
    setResult(undefined);
    submit({ template: template.trim(), versionId: versionId.trim(), validateOnly, chosen: bundle?.chosen });
  };

  if (result && !result.validateOnly) {
    return <Publishing operation={result.operation} template={result.template} onClose={onClose} />;
  }
  const ready = bundle !== undefined && template.trim() !== "" && versionId.trim() !== "";
  return (
    <Form
      action={words.action}
      pending={pending}
      error={error}
      fields={["parent", "template", "versionId"]}
      disabled={!ready}
      onCancel={onClose}
      onSubmit={() => send(false)}
    >
      <TextInput
        label={words.template}
        description={words.templateHelp}
        value={template}
        onChange={(e) => setTemplate(e.currentTarget.value)}
        error={errorAt(error, "parent") ?? errorAt(error, "template")}
        disabled={given !== ""}
        autoComplete="off"
        spellCheck={false}
        required
      />
      <TextInput
        label={words.version}
        description={words.versionHelp}
        value={versionId}
        onChange={(e) => setVersionId(e.currentTarget.value)}
        error={errorAt(error, "versionId")}
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Stack gap="xs">
        <Text size="sm" fw={500}>
          {words.bundle}
        </Text>
        <Text size="sm" c="dimmed">
          {words.bundleHelp}
        </Text>
        <Group gap="sm">
          <SegmentedControl
            aria-label={words.source}
            value={source}
            onChange={setSource}
            data={[
              { value: "folder", label: words.folder },
              { value: "archive", label: words.archive },
            ]}
          />
          {source === "folder" ? (
            <FileButton
              multiple
              inputProps={FOLDER}
              onChange={(files) =>
                files.length > 0 && void take(files[0]?.webkitRelativePath.split("/")[0] ?? "", () => bundleOf(files))
              }
            >
              {(props) => (
                <Button {...props} variant="default" loading={packing}>
                  {words.chooseFolder}
                </Button>
              )}
            </FileButton>
          ) : (
            <FileButton
              accept=".tar.gz,.tgz,.tar,application/gzip,application/x-tar"
              onChange={(file) =>
                file && void take(file.name, async () => ({ data: new Uint8Array(await file.arrayBuffer()), files: 1 }))
              }
            >
              {(props) => (
                <Button {...props} variant="default" loading={packing}>
                  {words.chooseArchive}
                </Button>
              )}
            </FileButton>
          )}
        </Group>
        <div aria-live="polite">
          {packing && <Loader size="xs" />}
          {bundle && (
            <Text size="sm">
              <b>{bundle.name}</b>{" "}
              {words.chosen(
                bundle.files.toLocaleString(),
                `${Math.ceil(bundle.data.length / KIB).toLocaleString()} KiB`,
              )}
            </Text>
          )}
        </div>
        {fault !== undefined && <Problem error={fault} />}
      </Stack>
      {result?.validateOnly && (
        <Alert color="green" role="status">
          {words.checked}
        </Alert>
      )}
      <Group>
        <Button variant="default" size="xs" disabled={!ready || pending} onClick={() => send(true)}>
          {words.check}
        </Button>
      </Group>
    </Form>
  );
}
