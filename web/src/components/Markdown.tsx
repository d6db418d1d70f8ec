import { Anchor, Blockquote, Code, Divider, List, Stack, Table, Text, Title, type TitleOrder } from "@mantine/core";
import type { ReactNode } from "react";
import { useMemo } from "react";

import { type Block, type Inline, readMarkdown } from "~/lib/markdown";

interface Props {
  source: string;
  // What stands above it already: a first heading of the same words is left out.
  title?: string;
  // The level of its topmost headings.
  from?: TitleOrder;
}

// Shows Markdown of others: as elements made here, never as markup of theirs.
export function Markdown({ source, title, from = 3 }: Props) {
  const blocks = useMemo(() => readMarkdown(source, title), [source, title]);
  return (
    <Stack gap="sm" style={{ overflowWrap: "anywhere" }}>
      {blocks.map((block, i) => (
        <Shown key={i} block={block} from={from} />
      ))}
    </Stack>
  );
}

function Shown({ block, from }: { block: Block; from: TitleOrder }): ReactNode {
  switch (block.kind) {
    case "heading": {
      const order = Math.min(6, from + block.level - 1) as TitleOrder;
      return (
        <Title order={order} size={order <= 3 ? "h5" : "h6"} mt="xs">
          {inlines(block.inlines)}
        </Title>
      );
    }
    case "paragraph":
      return <Text size="sm">{inlines(block.inlines)}</Text>;
    case "quote":
      return (
        <Blockquote p="sm" fz="sm">
          {inlines(block.inlines)}
        </Blockquote>
      );
    case "code":
      return (
        <Code block tabIndex={0}>
          {block.text}
        </Code>
      );
    case "list":
      return (
        <List size="sm" type={block.ordered ? "ordered" : "unordered"}>
          {block.items.map((item, i) => (
            <List.Item key={i}>{inlines(item)}</List.Item>
          ))}
        </List>
      );
    case "table":
      return (
        <Table.ScrollContainer minWidth={320} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                {block.head.map((cell, i) =>
                  cell.length > 0 ? (
                    <Table.Th key={i} scope="col">
                      {inlines(cell)}
                    </Table.Th>
                  ) : (
                    <Table.Td key={i} />
                  ),
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {block.rows.map((row, i) => (
                <Table.Tr key={i}>
                  {row.map((cell, j) => (
                    <Table.Td key={j}>{inlines(cell)}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      );
    case "rule":
      return <Divider />;
  }
}

function inlines(list: Inline[]): ReactNode {
  return list.map((inline, i) => {
    switch (inline.kind) {
      case "text":
        return inline.text;
      case "code":
        return <Code key={i}>{inline.text}</Code>;
      case "strong":
        return <strong key={i}>{inlines(inline.inlines)}</strong>;
      case "emphasis":
        return <em key={i}>{inlines(inline.inlines)}</em>;
      case "link":
        return (
          <Anchor key={i} href={inline.href} target="_blank" rel="noopener noreferrer" inherit underline="always">
            {inlines(inline.inlines)}
          </Anchor>
        );
    }
  });
}
