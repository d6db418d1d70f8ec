import { TagsInput } from "@mantine/core";

import { EVENT_TYPES } from "~/lib/eventTypes";
import { forms } from "~/text/forms";

interface Props {
  label?: string;
  value: string[];
  onChange: (types: string[]) => void;
  error?: string;
}

export function EventTypesInput({ label, value, onChange, error }: Props) {
  return (
    <TagsInput
      label={label ?? forms.eventTypes}
      description={forms.eventTypesHelp}
      data={EVENT_TYPES}
      value={value}
      onChange={onChange}
      error={error}
      maxDropdownHeight={220}
      clearable
    />
  );
}
