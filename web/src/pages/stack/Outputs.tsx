import { Badge, Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconDownload, IconEye, IconEyeOff } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";

import { api, type Schemas } from "~/api/client";
import { Copy } from "~/components/Copy";
import { Empty, Problem } from "~/components/States";
import { stackIds } from "~/lib/names";
import { saveBlob } from "~/lib/saveBlob";
import { textOf } from "~/lib/values";
import { stackText } from "~/text/stack";

import type { Can, Stack as StackOf } from "./calls";
import { NamedValues } from "./NamedValues";
import { Value } from "./Value";

const words = stackText.outputs;

// What the stack tells. Revealed secrets live in this component alone, and go with it.
export function Outputs({ stack, can }: { stack: StackOf; can: Can }) {
  const [secrets, setSecrets] = useState<Record<string, Schemas["Output"]>>();
  const [shown, setShown] = useState<ReadonlySet<string>>(new Set());
  const [pending, setPending] = useState<string>();
  const [refused, setRefused] = useState<unknown>();
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  const reveal = async (name: string) => {
    setRefused(undefined);
    if (!secrets) {
      setPending(name);
      try {
        const { data } = await api.POST("/v1/projects/{project}/stacks/{stack}:revealOutputs", {
          params: { path: stackIds(stack.name) },
          body: {},
        });
        if (here.current) setSecrets(data?.outputs);
      } catch (e) {
        setRefused(e);
        return;
      } finally {
        setPending(undefined);
      }
    }
    setShown((old) => new Set(old).add(name));
  };
  const hide = (name: string) => {
    const left = new Set(shown);
    left.delete(name);
    setShown(left);
    // The last one hidden: nothing is kept.
    if (left.size === 0) setSecrets(undefined);
  };

  const outputs = Object.entries(stack.outputs).sort(([a], [b]) => a.localeCompare(b));
  const mayReveal = can.has("stacks.revealOutputs") && stack.state !== "DESTROYED";
  const anySensitive = outputs.some(([, output]) => output.sensitive);
  if (outputs.length === 0 && stack.files.length === 0) return <Empty title={words.none} text={words.noneText} />;
  return (
    <Stack>
      {refused !== undefined && <Problem error={refused} />}
      {outputs.length > 0 && (
        <NamedValues
          pairs={outputs.map(([name, output]) => ({
            name,
            description: output.description,
            value: output.sensitive ? (
              <Secret
                name={name}
                value={shown.has(name) ? secrets?.[name]?.value : undefined}
                shown={shown.has(name)}
                pending={pending === name}
                onReveal={mayReveal ? () => void reveal(name) : undefined}
                onHide={() => hide(name)}
              />
            ) : (
              <Shown name={name} value={output.value} />
            ),
          }))}
        />
      )}
      {anySensitive && (
        <Text size="xs" c="dimmed">
          {mayReveal ? words.recorded : words.noReveal}
        </Text>
      )}
      {stack.files.length > 0 && <Files stack={stack} can={can} />}
    </Stack>
  );
}

function Shown({ name, value }: { name: string; value: unknown }) {
  return (
    <Group gap="xs" wrap="nowrap" justify="space-between" align="flex-start">
      <Value name={name} value={value} />
      <Copy value={textOf(value)} what={name} />
    </Group>
  );
}

function Secret(props: {
  name: string;
  value: unknown;
  shown: boolean;
  pending: boolean;
  onReveal?: () => void;
  onHide: () => void;
}) {
  return (
    <Group gap="xs" align="flex-start">
      <Badge variant="default" tt="none" size="sm">
        {words.sensitive}
      </Badge>
      {props.shown ? (
        <>
          <Value name={props.name} value={props.value} />
          <Copy value={textOf(props.value)} what={props.name} />
          <Button
            variant="subtle"
            size="compact-xs"
            leftSection={<IconEyeOff size={14} aria-hidden />}
            aria-label={words.hideOne(props.name)}
            onClick={props.onHide}
          >
            {words.hide}
          </Button>
        </>
      ) : (
        <>
          <Text span size="sm" aria-label={words.hidden}>
            ••••••
          </Text>
          {props.onReveal && (
            <Button
              variant="subtle"
              size="compact-xs"
              leftSection={<IconEye size={14} aria-hidden />}
              aria-label={words.revealOne(props.name)}
              loading={props.pending}
              onClick={props.onReveal}
            >
              {words.reveal}
            </Button>
          )}
        </>
      )}
    </Group>
  );
}

function Files({ stack, can }: { stack: StackOf; can: Can }) {
  const [pending, setPending] = useState<string>();
  const [refused, setRefused] = useState<unknown>();
  const download = async (file: string) => {
    setPending(file);
    setRefused(undefined);
    try {
      const { data } = await api.GET("/v1/projects/{project}/stacks/{stack}/files/{file}", {
        params: { path: { ...stackIds(stack.name), file } },
        parseAs: "blob",
      });
      if (data) saveBlob(data, file);
    } catch (e) {
      setRefused(e);
    } finally {
      setPending(undefined);
    }
  };
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {words.files}
      </Title>
      {refused !== undefined && <Problem error={refused} />}
      <Group gap="xs">
        {stack.files.map((file) => (
          <Button
            key={file}
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            loading={pending === file}
            disabled={!can.has("stacks.revealOutputs")}
            onClick={() => void download(file)}
            aria-label={words.downloadOne(file)}
          >
            {file}
          </Button>
        ))}
      </Group>
      <Text size="xs" c="dimmed">
        {can.has("stacks.revealOutputs") ? words.filesText : words.noReveal}
      </Text>
    </Stack>
  );
}
