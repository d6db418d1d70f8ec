import { Autocomplete, Button, Group, Paper, SimpleGrid, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import { EVENT_TYPES } from "~/lib/eventTypes";
import { type EventFilter, parseFilter, writeFilter } from "~/lib/eventFilter";
import { shortName } from "~/lib/resourceLinks";
import { fromInput, localInput } from "~/lib/windows";
import { audit as words } from "~/text/audit";

interface Props {
  project: string;
  filter: string | undefined;
  onFilter: (filter: string | undefined) => void;
}

// Quick filters by type, actor, resource and time; anything else goes in the last field.
export function Filters({ project, filter, onFilter }: Props) {
  const [parts, setParts] = useState<EventFilter>(() => {
    const found = parseFilter(filter);
    return { ...found, resource: found.resource && shortName(found.resource, project) };
  });
  const change = (part: EventFilter) => setParts({ ...parts, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFilter(writeFilter({ ...parts, actor: actorOf(parts.actor), resource: resourceOf(parts.resource, project) }));
  };
  return (
    <Paper withBorder p="sm" component="form" role="search" onSubmit={submit}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3, xl: 6 }} spacing="sm">
        <Autocomplete
          label={words.type}
          placeholder="stack.*"
          data={EVENT_TYPES}
          value={parts.type ?? ""}
          onChange={(type) => change({ type })}
          spellCheck={false}
        />
        <TextInput
          label={words.actor}
          placeholder={words.actorHelp}
          value={parts.actor ?? ""}
          onChange={(e) => change({ actor: e.currentTarget.value })}
          spellCheck={false}
        />
        <TextInput
          label={words.resource}
          placeholder={words.resourceHelp}
          value={parts.resource ?? ""}
          onChange={(e) => change({ resource: e.currentTarget.value })}
          spellCheck={false}
        />
        <TextInput
          type="datetime-local"
          label={words.after}
          value={localInput(parts.after)}
          onChange={(e) => change({ after: fromInput(e.currentTarget.value) })}
        />
        <TextInput
          type="datetime-local"
          label={words.before}
          value={localInput(parts.before)}
          onChange={(e) => change({ before: fromInput(e.currentTarget.value) })}
        />
        <TextInput
          label={words.rest}
          placeholder={words.restHelp}
          value={parts.rest ?? ""}
          onChange={(e) => change({ rest: e.currentTarget.value })}
          spellCheck={false}
        />
      </SimpleGrid>
      <Group gap="xs" mt="sm">
        <Button type="submit" size="xs">
          {words.apply}
        </Button>
        {filter && (
          <Button variant="default" size="xs" onClick={() => onFilter(undefined)}>
            {words.clear}
          </Button>
        )}
      </Group>
    </Paper>
  );
}

// "ann" means a user; full names stay.
function actorOf(actor: string | undefined): string | undefined {
  const text = actor?.trim();
  return text && !text.includes("/") && text !== "system" && !text.includes("*") ? `users/${text}` : text;
}
function resourceOf(resource: string | undefined, project: string): string | undefined {
  const text = resource?.trim();
  if (!text || /^(projects|templates|documents)\//.test(text) || text.startsWith("*")) return text;
  return `projects/${project}/${text}`;
}
