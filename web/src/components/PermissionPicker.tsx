import { Badge, Checkbox, Fieldset, Group, Stack, Text } from "@mantine/core";

import { byKind, includes, KINDS, permissionsOf, toggle } from "~/lib/permissions";
import { forms } from "~/text/forms";

const tail = (permission: string) => permission.slice(permission.indexOf(".") + 1);

// A set of permissions, by kind.
export function PermissionPicker(props: { value: string[]; onChange: (value: string[]) => void; error?: string }) {
  const { value, onChange } = props;
  const all = value.includes("*");
  // What this console does not know of is shown as well, and kept.
  const kinds = [...new Set([...KINDS, ...byKind(value).map((g) => g.kind)])].filter((k) => k !== "*");
  return (
    <Fieldset legend={forms.permissions}>
      <Stack gap="sm">
        <Checkbox
          label={forms.everything}
          checked={all}
          onChange={(e) => onChange(toggle(value, "*", e.currentTarget.checked))}
        />
        {kinds.map((kind) => {
          const whole = all || value.includes(`${kind}.*`);
          const known = [...new Set([...permissionsOf(kind), ...value.filter((p) => p.startsWith(`${kind}.`))])];
          return (
            <Group key={kind} gap="sm" align="flex-start" role="group" aria-label={kind}>
              <Checkbox
                w={210}
                size="sm"
                label={forms.allOf(kind)}
                checked={whole}
                disabled={all}
                onChange={(e) => onChange(toggle(value, `${kind}.*`, e.currentTarget.checked))}
              />
              <Group gap="sm" flex={1} miw={200}>
                {known
                  .filter((p) => p !== `${kind}.*`)
                  .map((p) => (
                    <Checkbox
                      key={p}
                      size="xs"
                      label={tail(p)}
                      aria-label={p}
                      checked={includes(value, p)}
                      disabled={whole}
                      onChange={(e) => onChange(toggle(value, p, e.currentTarget.checked))}
                    />
                  ))}
              </Group>
            </Group>
          );
        })}
        {props.error && (
          <Text size="sm" c="red" role="alert">
            {props.error}
          </Text>
        )}
      </Stack>
    </Fieldset>
  );
}

// The same set, to read.
export function Permissions({ value }: { value: string[] }) {
  return (
    <Stack gap={4}>
      {byKind(value).map((g) => (
        <Group key={g.kind} gap={6}>
          <Text size="sm" w={130}>
            {g.kind === "*" ? forms.everything : g.kind}
          </Text>
          {(g.all ? ["*"] : g.permissions.filter((p) => p !== "*").map(tail)).map((p) => (
            <Badge key={p} variant="default" tt="none" size="sm" fw={500}>
              {p}
            </Badge>
          ))}
        </Group>
      ))}
    </Stack>
  );
}
