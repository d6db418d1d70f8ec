import { JsonInput, NumberInput, PasswordInput, Select, Switch, TagsInput, TextInput } from "@mantine/core";
import { memo, type ReactNode } from "react";

import { fieldFaults } from "~/components/FieldFaults";
import { KeyValues } from "~/components/KeyValues";
import { textOf } from "~/lib/cty";
import { type Draft, optionsOf, type Parameter } from "~/lib/parameters";
import { parameterText as text } from "~/text/parameters";

interface Props {
  parameter: Parameter;
  draft: Draft;
  onChange: (name: string, draft: Draft) => void;
  faults?: string[];
  // Whether a secret is set, and whether it stays when nothing is entered.
  secret: "none" | "held" | "anew";
}

// A value as one would enter it, and not too long.
function spaced(value: unknown): string {
  const list = Array.isArray(value) && value.every((v) => typeof v !== "object");
  return (list ? value.map(textOf).join(", ") || text.nothing : textOf(value)).slice(0, 120);
}
const hasDefault = (p: Parameter) => p.defaultValue !== undefined && p.defaultValue !== null && !p.sensitive;

function help(parameter: Parameter, draft: Draft, secret: Props["secret"]): ReactNode {
  const lines = [parameter.description];
  if (draft.kind === "secret") {
    lines.push(secret === "held" ? text.secretHeld : secret === "anew" ? text.secretAnew : text.secret);
  }
  if (draft.kind === "list") lines.push(text.listHelp);
  if (draft.kind === "json" || (draft.kind === "secret" && /[({]/.test(parameter.type))) {
    lines.push(text.typed(parameter.type));
  }
  // What a placeholder would tell is told here where the field is filled or has none.
  if (parameter.example !== undefined && parameter.example !== null && !parameter.sensitive) {
    if (draft.kind === "list" || draft.kind === "map" || draft.kind === "json" || hasDefault(parameter)) {
      lines.push(`${text.example(spaced(parameter.example))}.`);
    }
  }
  const said = lines.filter(Boolean).map((line) => (/[.!?]$/.test(line) ? line : `${line}.`));
  return said.length > 0 ? said.join(" ") : undefined;
}

function placeholder(parameter: Parameter): string | undefined {
  if (hasDefault(parameter)) return text.asDefault(spaced(parameter.defaultValue));
  if (parameter.sensitive || parameter.example === undefined || parameter.example === null) return undefined;
  return text.example(spaced(parameter.example));
}

// One parameter, by the widget that fits its type.
export const ParameterField = memo(function ParameterField({ parameter, draft, onChange, faults, secret }: Props) {
  const { name } = parameter;
  const required = parameter.required && secret !== "held";
  const label = parameter.title || name;
  const description = help(parameter, draft, secret);
  const error = fieldFaults(faults);
  // Not `required`: the browser's own bubbles would tell one fault at a time, ours tell all.
  const field = { label, description, error, name };
  const common = { ...field, withAsterisk: required, "aria-required": required || undefined };
  const written = { spellCheck: false, autoComplete: "off", placeholder: placeholder(parameter) };
  switch (draft.kind) {
    case "switch":
      return (
        <Switch
          {...field}
          checked={draft.on}
          onChange={(e) => onChange(name, { kind: "switch", on: e.currentTarget.checked })}
        />
      );
    case "choice": {
      const bool = parameter.allowedValues.length === 0;
      const data = optionsOf(parameter).map((option) => ({
        value: JSON.stringify(option),
        label: bool ? (option ? text.yes : text.no) : textOf(option),
      }));
      return (
        <Select
          {...common}
          data={data}
          value={draft.json || null}
          onChange={(value) => onChange(name, { kind: "choice", json: value ?? "" })}
          placeholder={hasDefault(parameter) ? placeholder(parameter) : text.choose}
          clearable={!parameter.required}
          allowDeselect={false}
          searchable={data.length > 8}
        />
      );
    }
    case "number":
      return (
        <NumberInput
          {...common}
          placeholder={written.placeholder}
          value={draft.text}
          onChange={(value) => onChange(name, { kind: "number", text: String(value) })}
          min={parameter.minimum}
          max={parameter.maximum}
          clampBehavior="none"
        />
      );
    case "text":
      return (
        <TextInput
          {...common}
          {...written}
          value={draft.text}
          onChange={(e) => onChange(name, { kind: "text", text: e.currentTarget.value })}
        />
      );
    case "secret":
      return (
        <PasswordInput
          {...common}
          spellCheck={false}
          autoComplete="new-password"
          value={draft.text}
          onChange={(e) => onChange(name, { kind: "secret", text: e.currentTarget.value })}
        />
      );
    case "json":
      return (
        <JsonInput
          {...common}
          spellCheck={false}
          value={draft.text}
          onChange={(value) => onChange(name, { kind: "json", text: value })}
          formatOnBlur
          autosize
          minRows={3}
          maxRows={16}
        />
      );
    case "list":
      return (
        <TagsInput
          {...common}
          value={draft.items}
          onChange={(items) => onChange(name, { kind: "list", items })}
          splitChars={[]}
          allowDuplicates={!parameter.type.startsWith("set")}
          acceptValueOnBlur
          placeholder={draft.items.length === 0 ? written.placeholder : undefined}
        />
      );
    case "map":
      return (
        <KeyValues
          label={label}
          description={description}
          required={required}
          error={error}
          entries={draft.entries}
          onChange={(entries) => onChange(name, { kind: "map", entries })}
        />
      );
  }
});
