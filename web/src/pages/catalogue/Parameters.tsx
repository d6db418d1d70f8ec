import { Code, Stack, Table, Text } from "@mantine/core";

import { asked, type Parameter } from "~/lib/parameters";
import { catalogueText as text } from "~/text/catalogue";

// What a requester will be asked.
export function Parameters({ parameters }: { parameters: Parameter[] }) {
  const fields = asked(parameters);
  if (fields.length === 0) return <Text size="sm">{text.noParameters}</Text>;
  return (
    <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table verticalSpacing="xs" aria-label={text.parameters}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{text.parameter}</Table.Th>
            <Table.Th scope="col">{text.type}</Table.Th>
            <Table.Th scope="col">{text.default}</Table.Th>
            <Table.Th scope="col">{text.meaning}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fields.map((parameter) => (
            <Row key={parameter.name} parameter={parameter} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ parameter }: { parameter: Parameter }) {
  const { name, title, description, type, required, sensitive, defaultValue } = parameter;
  return (
    <Table.Tr>
      <Table.Td style={{ verticalAlign: "top" }}>
        <Code>{name}</Code>
      </Table.Td>
      <Table.Td style={{ verticalAlign: "top", overflowWrap: "anywhere", minWidth: "7em" }}>
        <Text size="sm" ff="monospace">
          {type}
        </Text>
        {sensitive && (
          <Text size="xs" c="dimmed">
            {text.secret}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ verticalAlign: "top", overflowWrap: "anywhere", minWidth: "7em" }}>
        {required ? (
          <Text size="sm" fw={600} style={{ whiteSpace: "nowrap" }}>
            {text.required}
          </Text>
        ) : (
          <Text size="sm" ff="monospace">
            {sensitive || defaultValue === undefined || defaultValue === null ? "–" : JSON.stringify(defaultValue)}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ verticalAlign: "top" }}>
        <Stack gap={2}>
          {title && <Text size="sm">{title}</Text>}
          {description && (
            <Text size="sm" c={title ? "dimmed" : undefined}>
              {description}
            </Text>
          )}
        </Stack>
      </Table.Td>
    </Table.Tr>
  );
}
