import { ActionIcon, Anchor, Badge, Box, Code, Collapse, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";

import type { Schemas } from "~/api/client";
import { Copy } from "~/components/Copy";
import { ResourceLink } from "~/components/ResourceLink";
import { Time } from "~/components/Time";
import { type EventFilter, parseFilter, writeFilter } from "~/lib/eventFilter";
import { absolute } from "~/lib/time";
import { audit as words } from "~/text/audit";
import { common } from "~/text/common";

import classes from "./EventRow.module.css";

// Words and no badges: what is past does not move any more.
const stateWord = (state: string) => common.states[state] ?? state;

interface Props {
  event: Schemas["Event"];
  project: string;
  filter: string | undefined;
  onFilter: (filter: string | undefined) => void;
}

// One event: a line, and all there is to it when folded out.
export function EventRow({ event, project, filter, onFilter }: Props) {
  const [open, { toggle }] = useDisclosure();
  const id = `event-${event.sequence}`;
  const only = (part: EventFilter) => onFilter(writeFilter({ ...parseFilter(filter), ...part }));
  return (
    <Box className={classes.event} role="listitem">
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-expanded={open}
          aria-controls={id}
          aria-label={words.showDetails(event.sequence)}
          onClick={toggle}
        >
          {open ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
        </ActionIcon>
        <div className={classes.line}>
          <Text size="sm" c="dimmed" className={classes.when}>
            <Time at={event.time} />
          </Text>
          <Stack gap={2} className={classes.what}>
            <Group gap="xs">
              <Filter onClick={() => only({ type: event.type })} what={event.type} strong />
              {event.toState && event.toState !== event.fromState && (
                <Text size="sm" c="dimmed">
                  {event.fromState
                    ? words.moved(stateWord(event.fromState), stateWord(event.toState))
                    : stateWord(event.toState)}
                </Text>
              )}
            </Group>
            <Text size="sm" className={classes.text}>
              {event.message}
            </Text>
            <Group gap="xs">
              <Text size="sm" className={classes.text}>
                <ResourceLink name={event.resource} project={project} />
              </Text>
              <Filter onClick={() => only({ actor: event.actor })} what={event.actor} />
            </Group>
          </Stack>
        </div>
        <Text size="xs" c="dimmed">
          #{event.sequence}
        </Text>
      </Group>
      <Collapse expanded={open} id={id}>
        {open && <Details event={event} onResource={() => only({ resource: event.resource })} />}
      </Collapse>
    </Box>
  );
}

function Filter({ what, strong, onClick }: { what: string; strong?: boolean; onClick: () => void }) {
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      fw={strong ? 600 : undefined}
      title={words.byThis(what)}
      onClick={onClick}
    >
      {what}
    </Anchor>
  );
}

function Details({ event, onResource }: { event: Schemas["Event"]; onResource: () => void }) {
  const facts: [string, string][] = [
    [words.exact, event.time ? absolute(event.time) : ""],
    [words.request, event.requestId],
    [words.hash, event.hash],
  ];
  return (
    <Stack gap="xs" pt="xs" pl={38}>
      {facts
        .filter(([, value]) => value !== "")
        .map(([label, value]) => (
          <Group key={label} gap="xs" wrap="nowrap">
            <Text size="sm" w={80} style={{ flexShrink: 0 }}>
              {label}
            </Text>
            <Code style={{ overflowWrap: "anywhere" }}>{value}</Code>
            <Copy value={value} what={label} />
          </Group>
        ))}
      <Group gap="xs">
        <Text size="sm" w={80}>
          {words.resource}
        </Text>
        <Badge variant="default" tt="none" component="button" onClick={onResource} title={words.byThis(event.resource)}>
          {words.byThis(event.resource)}
        </Badge>
      </Group>
      {event.details && Object.keys(event.details).length > 0 && (
        <Code block tabIndex={0} aria-label={words.details}>
          {JSON.stringify(event.details, null, 2)}
        </Code>
      )}
    </Stack>
  );
}
