import { Alert, Badge, Drawer, Group, Stack, Text, Title } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { Copy } from "~/components/Copy";
import { attributesOf, SECRET } from "~/lib/values";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

import { NamedValues } from "./NamedValues";
import { Value } from "./Value";

const words = stackText.resources;

// One resource, beside the tree. The server leaves sensitive attributes out.
export function ResourceDetails(props: { resource: Schemas["Resource"] | undefined; onClose: () => void }) {
  const { resource } = props;
  return (
    <Drawer
      opened={resource !== undefined}
      onClose={props.onClose}
      position="right"
      size="lg"
      title={words.details}
      closeButtonProps={{ "aria-label": common.close }}
    >
      {resource && (
        <Stack gap="sm">
          <Line label={words.address} value={resource.address} />
          <Line label={words.id} value={resource.id} />
          <Line label={words.type} value={resource.type} />
          <Line label={words.provider} value={resource.provider} />
          {resource.mode === "data" && <Badge variant="default">{words.data}</Badge>}
          {resource.tainted && (
            <Alert color="orange" title={words.tainted}>
              {words.taintedHelp}
            </Alert>
          )}
          <Attributes json={resource.attributesJson} />
        </Stack>
      )}
    </Drawer>
  );
}

function Line({ label, value }: { label: string; value: string }) {
  if (!value) return null;
  return (
    <div>
      <Text size="xs" c="dimmed" fw={600}>
        {label}
      </Text>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <Text size="sm" ff="monospace" style={{ overflowWrap: "anywhere" }}>
          {value}
        </Text>
        <Copy value={value} what={label} />
      </Group>
    </div>
  );
}

function Attributes({ json }: { json: string }) {
  const attributes = attributesOf(json);
  return (
    <div>
      <Title order={3} size="h5">
        {words.attributes}
      </Title>
      {attributes.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.noAttributes}
        </Text>
      ) : (
        <NamedValues
          pairs={attributes.map(([name, value]) => ({
            name,
            value:
              value === SECRET ? (
                <Text size="sm" c="dimmed" fs="italic">
                  {words.hiddenAttribute}
                </Text>
              ) : (
                <Value name={name} value={value} />
              ),
          }))}
        />
      )}
    </div>
  );
}
