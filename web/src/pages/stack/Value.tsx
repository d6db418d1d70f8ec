import { Box, Button, Code, Group, Text } from "@mantine/core";
import { useState } from "react";

import { lineOf, textOf } from "~/lib/values";
import { stackText } from "~/text/stack";

const words = stackText.outputs;

// A value of an output, parameter or attribute: what is long is folded.
export function Value({ name, value }: { name: string; value: unknown }) {
  const [open, setOpen] = useState(false);
  const line = lineOf(value);
  if (!line.cut) {
    return (
      <Text span size="sm" ff="monospace" style={{ overflowWrap: "anywhere" }}>
        {line.text}
      </Text>
    );
  }
  return (
    <Box miw={0}>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        {!open && (
          <Text span size="sm" ff="monospace" lineClamp={1} style={{ overflowWrap: "anywhere" }}>
            {line.text}
          </Text>
        )}
        <Button
          variant="default"
          size="compact-xs"
          onClick={() => setOpen(!open)}
          aria-expanded={open}
          style={{ flexShrink: 0 }}
        >
          {open ? words.fold : words.showAll}
        </Button>
      </Group>
      {open && <Block name={name} text={textOf(value)} />}
    </Box>
  );
}

// Text of many lines, as it is.
export function Block({ name, text }: { name: string; text: string }) {
  return (
    <Code
      block
      mt={4}
      mah={360}
      tabIndex={0}
      role="region"
      aria-label={words.whole(name)}
      style={{ overflow: "auto", whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}
    >
      {text}
    </Code>
  );
}
