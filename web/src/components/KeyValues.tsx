import { ActionIcon, Button, Group, Input, Stack, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useId, useRef } from "react";

import type { Entry } from "~/lib/parameters";
import { parameterText as text } from "~/text/parameters";

interface Props {
  label: string;
  description?: React.ReactNode;
  required?: boolean;
  error?: React.ReactNode;
  entries: Entry[];
  onChange: (entries: Entry[]) => void;
}

// Edits a map of texts, row by row.
export function KeyValues({ label, description, required, error, entries, onChange }: Props) {
  const id = useId();
  const rows = useRef<HTMLDivElement>(null);
  const add = useRef<HTMLButtonElement>(null);
  const set = (at: number, part: Partial<Entry>) =>
    onChange(entries.map((entry, i) => (i === at ? { ...entry, ...part } : entry)));
  // The focus goes where one writes on, and is not lost with a row that goes.
  const append = () => {
    onChange([...entries, { key: "", value: "" }]);
    requestAnimationFrame(() => {
      const fresh = [...(rows.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])].at(-1);
      fresh?.querySelector("input")?.focus();
    });
  };
  const remove = (at: number) => {
    onChange(entries.filter((_, i) => i !== at));
    add.current?.focus();
  };
  return (
    <Input.Wrapper
      label={label}
      labelElement="div"
      labelProps={{ id }}
      description={description}
      required={required}
      error={error}
    >
      <Stack gap={6} mt={4} role="group" aria-labelledby={id} ref={rows}>
        {entries.map((entry, i) => (
          <Group key={i} gap={6} wrap="nowrap" data-row>
            <TextInput
              flex={2}
              placeholder={text.key}
              aria-label={text.keyOf(label, i + 1)}
              aria-invalid={error ? true : undefined}
              value={entry.key}
              onChange={(e) => set(i, { key: e.currentTarget.value })}
              spellCheck={false}
              autoComplete="off"
            />
            <TextInput
              flex={3}
              placeholder={text.value}
              aria-label={text.valueOf(label, i + 1)}
              value={entry.value}
              onChange={(e) => set(i, { value: e.currentTarget.value })}
              spellCheck={false}
              autoComplete="off"
            />
            <ActionIcon variant="subtle" color="gray" aria-label={text.remove(label, i + 1)} onClick={() => remove(i)}>
              <IconX size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            ref={add}
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            aria-label={text.addTo(label)}
            aria-invalid={error ? true : undefined}
            onClick={append}
          >
            {text.add}
          </Button>
        </Group>
      </Stack>
    </Input.Wrapper>
  );
}
