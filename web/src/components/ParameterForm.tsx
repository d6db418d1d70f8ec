import { Stack, Text } from "@mantine/core";

import { ParameterField } from "~/components/parameters/ParameterField";
import { asked, type Draft, type Drafts, MASKED, type Parameter, type Values } from "~/lib/parameters";
import { parameterText as text } from "~/text/parameters";

interface Props {
  parameters: Parameter[];
  drafts: Drafts;
  onChange: (name: string, draft: Draft) => void;
  // What is wrong, by parameter.
  faults: Record<string, string[]>;
  // What the stack has already, or the one that is copied.
  held?: Values;
  // Secrets of `held` stay where nothing is entered.
  keepsSecrets?: boolean;
}

// The fields that a template version asks for.
export function ParameterForm({ parameters, drafts, onChange, faults, held = {}, keepsSecrets = false }: Props) {
  const fields = asked(parameters);
  if (fields.length === 0) return <Text c="dimmed">{text.none}</Text>;
  return (
    <Stack gap="md">
      {fields.map((parameter) => {
        const draft = drafts[parameter.name];
        const secret = held[parameter.name] === MASKED;
        return (
          draft && (
            <ParameterField
              key={parameter.name}
              parameter={parameter}
              draft={draft}
              onChange={onChange}
              faults={faults[parameter.name]}
              secret={secret ? (keepsSecrets ? "held" : "anew") : "none"}
            />
          )
        );
      })}
    </Stack>
  );
}
