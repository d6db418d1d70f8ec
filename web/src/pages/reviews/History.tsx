import { Text, Timeline, Title } from "@mantine/core";
import { IconCheck, IconFlag, IconMessage, IconPlayerTrackNext, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { useEvents } from "~/api/lists";
import { Time } from "~/components/Time";
import { last, part } from "~/lib/names";
import { history } from "~/lib/review";
import { reviews as words } from "~/text/reviews";

const CREATED = "changeRequest.created";
const ICONS: Record<string, { icon: ReactNode; colour: string }> = {
  APPROVE: { icon: <IconCheck size={14} aria-hidden />, colour: "green" },
  REJECT: { icon: <IconX size={14} aria-hidden />, colour: "red" },
  COMMENT: { icon: <IconMessage size={14} aria-hidden />, colour: "gray" },
  [CREATED]: { icon: <IconFlag size={14} aria-hidden />, colour: "yard" },
};
const OTHER = { icon: <IconPlayerTrackNext size={14} aria-hidden />, colour: "gray" };

// What was said of a request and what became of it, oldest first.
export function History({ request }: { request: Schemas["ChangeRequest"] }) {
  const { data, error } = useEvents(
    part(request.name, "projects"),
    { filter: `resource = "${request.name}"`, pageSize: 200 },
    // Newest come first: there is nothing of it before it was made.
    { enough: (events) => events.some((e) => e.type === CREATED) },
  );
  const moments = history(request, data?.rows ?? []);
  const cut = data && data.nextPageToken !== "" && !data.rows.some((e) => e.type === CREATED);
  return (
    <section aria-label={words.history}>
      <Title order={2} size="h4" mb="sm">
        {words.history}
      </Title>
      <Timeline bulletSize={24} lineWidth={2} active={moments.length}>
        {moments.map((m) => {
          const look = ICONS[m.what] ?? OTHER;
          return (
            <Timeline.Item key={m.key} bullet={look.icon} color={look.colour} pb="xs">
              <Text size="sm" component="div">
                <b>{m.who === "system" ? words.system : last(m.who)}</b> {words.what[m.what] ?? m.text}{" "}
                <Text span inherit c="dimmed">
                  <Time at={m.time} />
                  {m.outdated && `, ${words.otherPlanThen}`}
                </Text>
              </Text>
              {m.what in words.what && m.text && m.what !== CREATED && (
                <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                  {m.text}
                </Text>
              )}
            </Timeline.Item>
          );
        })}
      </Timeline>
      {cut && (
        <Text size="sm" c="dimmed">
          {words.historyCut}
        </Text>
      )}
      {error && (
        <Text size="sm" c="dimmed">
          {words.historyHidden}
        </Text>
      )}
    </section>
  );
}
