import { ActionIcon, Group, Kbd, Popover, Stack, Text } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";

import { reviews as words } from "~/text/reviews";

interface Props {
  keys: readonly (readonly [string, string])[];
  opened: boolean;
  onChange: (opened: boolean) => void;
}

// Which keys a page knows.
export function KeysHelp({ keys, opened, onChange }: Props) {
  return (
    <Popover opened={opened} onChange={onChange} position="bottom-end" trapFocus returnFocus withArrow>
      <Popover.Target>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={words.keysHelp}
          title={words.keysHelp}
          onClick={() => onChange(!opened)}
        >
          <IconKeyboard size={18} aria-hidden />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label={words.keys} tabIndex={-1} data-autofocus>
        <Stack gap={6}>
          {keys.map(([key, deed]) => (
            <Group key={key} gap="md" justify="space-between" wrap="nowrap">
              <Text size="sm">{deed}</Text>
              <Kbd>{key}</Kbd>
            </Group>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
