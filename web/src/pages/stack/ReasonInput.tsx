import { TextInput } from "@mantine/core";

import { stackText } from "~/text/stack";

// Why something is done; events tell it later.
export function ReasonInput({ value, onChange }: { value: string; onChange: (reason: string) => void }) {
  return (
    <TextInput
      label={stackText.reason}
      description={stackText.reasonHelp}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      maxLength={1000}
    />
  );
}
