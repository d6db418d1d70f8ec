import { Fieldset, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { fieldFaults } from "~/components/FieldFaults";
import { KeyValues } from "~/components/KeyValues";
import { useNow } from "~/lib/clock";
import { last } from "~/lib/names";
import type { Entry } from "~/lib/parameters";
import { type Faults, leaseEnd, type LeaseDraft } from "~/lib/stackForm";
import { absolute, secondsOf, span } from "~/lib/time";
import { localInput } from "~/lib/windows";
import { common } from "~/text/common";
import { requestText as text } from "~/text/request";

// One part of the form.
export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Fieldset legend={title}>
      <Stack gap="md">{children}</Stack>
    </Fieldset>
  );
}

// All that is wrong with one of the form's fields.
export const told = (faults: Faults, field: string) => fieldFaults(faults[field]);

interface VersionProps {
  versions: Schemas["TemplateVersion"][];
  // The id of the newest that is active.
  latest: string;
  value: string;
  onChange: (version: string) => void;
  faults: Faults;
}

export function VersionField({ versions, latest, value, onChange, faults }: VersionProps) {
  const data = versions.map((v) => {
    const id = last(v.name);
    const usable = v.state === "ACTIVE";
    const label = !usable ? text.notUsable(id, (common.states[v.state] ?? v.state).toLowerCase()) : id;
    return { value: id, label: id === latest ? text.latest(id) : label, disabled: !usable };
  });
  return (
    <Select
      label={text.version}
      description={text.versionHelp}
      data={data}
      value={value}
      onChange={(next) => next && onChange(next)}
      allowDeselect={false}
      error={told(faults, "template_version")}
    />
  );
}

interface LeaseProps {
  lease: LeaseDraft;
  policy: Schemas["LeasePolicy"] | undefined;
  onChange: (lease: LeaseDraft, field: "lease.duration" | "lease.start_time") => void;
  faults: Faults;
}

export function LeaseFields({ lease, policy, onChange, faults }: LeaseProps) {
  const now = useNow();
  const end = leaseEnd(lease, now);
  const most = secondsOf(policy?.maxDuration);
  const bounds = policy && text.leaseBounds(span(secondsOf(policy.defaultDuration)), span(most));
  return (
    <>
      <Group align={faults["lease.duration"] ? "center" : "flex-end"} gap="sm" wrap="nowrap">
        <NumberInput
          flex={1}
          maw={280}
          label={text.duration}
          description={bounds}
          withAsterisk
          min={0}
          allowNegative={false}
          clampBehavior="none"
          value={lease.amount}
          onChange={(amount) => onChange({ ...lease, amount: String(amount) }, "lease.duration")}
          error={told(faults, "lease.duration")}
        />
        <Select
          w={110}
          label={text.unit}
          data={[
            { value: "minutes", label: text.minutes },
            { value: "hours", label: text.hours },
            { value: "days", label: text.days },
          ]}
          value={lease.unit}
          allowDeselect={false}
          onChange={(unit) => unit && onChange({ ...lease, unit: unit as LeaseDraft["unit"] }, "lease.duration")}
        />
      </Group>
      <Switch
        label={text.later}
        description={text.laterHelp}
        checked={lease.start !== undefined}
        onChange={(e) =>
          onChange({ ...lease, start: e.currentTarget.checked ? nextHour(now) : undefined }, "lease.start_time")
        }
      />
      {lease.start !== undefined && (
        <TextInput
          type="datetime-local"
          maw={280}
          label={text.start}
          withAsterisk
          value={lease.start}
          onChange={(e) => onChange({ ...lease, start: e.currentTarget.value }, "lease.start_time")}
          error={told(faults, "lease.start_time")}
        />
      )}
      {end !== undefined && (
        <Text size="sm" c="dimmed">
          {text.ends(absolute(new Date(Math.floor(end / 60_000) * 60_000)))}
        </Text>
      )}
    </>
  );
}

// The next whole hour but one.
function nextHour(now: number): string {
  const at = new Date(now + 2 * 3_600_000);
  at.setMinutes(0, 0, 0);
  return localInput(at);
}

interface ReasonProps {
  value: string;
  onChange: (reason: string) => void;
  faults: Faults;
}

export function ReasonField({ value, onChange, faults }: ReasonProps) {
  return (
    <TextInput
      label={text.reason}
      description={text.reasonHelp}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      error={told(faults, "reason")}
    />
  );
}

// How people call the stack and find it.
export function NameFields(props: {
  displayName: string;
  onDisplayName: (next: string) => void;
  labels: Entry[];
  onLabels: (next: Entry[]) => void;
  faults: Faults;
}) {
  return (
    <>
      <TextInput
        label={text.displayName}
        description={text.displayNameHelp}
        value={props.displayName}
        onChange={(e) => props.onDisplayName(e.currentTarget.value)}
        error={told(props.faults, "display_name")}
        autoComplete="off"
      />
      <KeyValues
        label={text.labels}
        description={text.labelsHelp}
        entries={props.labels}
        onChange={props.onLabels}
        error={told(props.faults, "labels")}
      />
    </>
  );
}
