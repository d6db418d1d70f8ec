import { Autocomplete, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";

import { queries } from "~/api/client";
import { useCan } from "~/api/session";
import { last } from "~/lib/names";
import { forms } from "~/text/forms";

export interface Member {
  kind: "users" | "groups";
  id: string;
}
export const memberName = (m: Member) => `${m.kind}/${m.id.trim()}`;

interface Props {
  value: Member;
  onChange: (member: Member) => void;
  error?: string;
}

// Picks a user or names a group.
export function MemberPicker({ value, onChange, error }: Props) {
  return (
    <Stack gap="xs">
      <Group gap="sm">
        <SegmentedControl
          aria-label={forms.memberKind}
          value={value.kind}
          onChange={(kind) => onChange({ kind: kind as Member["kind"], id: "" })}
          data={[
            { value: "users", label: forms.user },
            { value: "groups", label: forms.group },
          ]}
        />
      </Group>
      {value.kind === "users" ? (
        <UserPicker label={forms.user} value={value.id} onChange={(id) => onChange({ ...value, id })} error={error} />
      ) : (
        <TextInput
          label={forms.group}
          description={forms.groupHelp}
          value={value.id}
          onChange={(e) => onChange({ ...value, id: e.currentTarget.value })}
          error={error}
          required
        />
      )}
    </Stack>
  );
}

interface UserProps {
  label: string;
  value: string;
  onChange: (id: string) => void;
  description?: string;
  error?: string;
  required?: boolean;
}

const TYPING_MS = 200;
const quoted = (text: string) => JSON.stringify(text);

// The id of a user, found by id or name where the caller may list users.
export function UserPicker(props: UserProps) {
  const [typed] = useDebouncedValue(props.value.trim(), TYPING_MS);
  const may = useCan("", ["users.list"])?.has("users.list") ?? false;
  const list = (filter: string) => ({ params: { query: { filter: filter || undefined, pageSize: 20 } } });
  const byId = queries.useQuery("get", "/v1/users", list(typed && `name:${quoted(typed)}`), { enabled: may });
  const byName = queries.useQuery("get", "/v1/users", list(typed && `display_name:${quoted(typed)}`), {
    enabled: may && typed !== "",
  });
  const names = new Map<string, string>();
  for (const user of [...(byId.data?.users ?? []), ...(byName.data?.users ?? [])]) {
    names.set(last(user.name), user.displayName);
  }
  return (
    <Autocomplete
      label={props.label}
      description={props.description ?? (may ? forms.userHelp : undefined)}
      value={props.value}
      onChange={props.onChange}
      data={[...names.keys()]}
      // The server has searched already, by id and by name.
      filter={({ options }) => options}
      renderOption={({ option }) => (
        <Text size="sm" span>
          {option.value}{" "}
          <Text span c="dimmed" inherit>
            {names.get(option.value)}
          </Text>
        </Text>
      )}
      error={props.error}
      required={props.required ?? true}
      autoComplete="off"
      spellCheck={false}
    />
  );
}
