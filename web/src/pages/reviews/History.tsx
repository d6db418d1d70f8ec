import { Text, Timeline, Title } from "@mantine/core";
import { IconCheck, IconFlag, IconMessage, IconPlayerTrackNext, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { queries, type Schemas } from "~/api/client";
import { Time } from "~/components/Time";
import { last, part } from "~/lib/names";
import { history } from "~/lib/review";
import { reviews as words } from "~/text/reviews";

const ICONS: Record<string, { icon: ReactNode; colour: string }> = {
  APPROVE: { icon: <IconCheck size={14} aria-hidden />, colour: "green" },
  REJECT: { icon: <IconX size={14} aria-hidden />, colour: "red" },
  COMMENT: { icon: <IconMessage size={14} aria-hidden />, colour: "gray" },
  "changeRequest.created": { icon: <IconFlag size={14} aria-hidden />, colour: "yard" },
};
const OTHER = { icon: <IconPlayerTrackNext size={14} aria-hidden />, colour: "gray" };

// What was said of a request and what became of it, oldest first.
export function History({ request }: { request: Schemas["ChangeRequest"] }) {
  const { data, error } = queries.useQuery("get", "/v1/projects/{project}/events", {
    params: {
      path: { project: part(request.name, "projects") },
      query: { filter: `resource = "${request.name}"`, pageSize: 200 },
    },
  });
  const moments = history(request, data?.events ?? []);
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
              {m.what in words.what && m.text && m.what !== "changeRequest.created" && (
                <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                  {m.text}
                </Text>
              )}
            </Timeline.Item>
          );
        })}
      </Timeline>
      {error && (
        <Text size="sm" c="dimmed">
          {words.historyHidden}
        </Text>
      )}
    </section>
  );
}
