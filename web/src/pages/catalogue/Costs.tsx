import { Stack, Table, Text } from "@mantine/core";

import type { Schemas } from "~/api/client";
import { type MeterWords, meterWords } from "~/lib/templateRules";
import { catalogueText as text } from "~/text/catalogue";

// What each kind of resource takes of quota and of money.
export function Costs({ meters }: { meters: Schemas["Meter"][] }) {
  if (meters.length === 0) return <Text size="sm">{text.noMeters}</Text>;
  return (
    <Table.ScrollContainer minWidth={420} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table verticalSpacing="xs" aria-label={text.costs}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{text.resource}</Table.Th>
            <Table.Th scope="col">{text.counts}</Table.Th>
            <Table.Th scope="col">{text.price}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {meters.map((meter, i) => (
            <Row key={i} words={meterWords(meter)} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ words }: { words: MeterWords }) {
  return (
    <Table.Tr>
      <Table.Td ff="monospace" fz="sm">
        {words.resource || "–"}
      </Table.Td>
      <Table.Td>
        <Stack gap={2}>
          <Text size="sm">{words.counts}</Text>
          {words.table.length > 0 && (
            <Text size="xs" c="dimmed">
              {words.table.map(([value, amount]) => `${value}: ${amount}`).join(" · ")}
            </Text>
          )}
        </Stack>
      </Table.Td>
      <Table.Td>
        {words.price ? (
          <Stack gap={2}>
            <Text size="sm">{words.price}</Text>
            {words.date && (
              <Text size="xs" c="dimmed">
                {text.priceDate(words.date)}
              </Text>
            )}
          </Stack>
        ) : (
          "–"
        )}
      </Table.Td>
    </Table.Tr>
  );
}
