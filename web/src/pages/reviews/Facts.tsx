import { Anchor, Group, Paper, Progress, SimpleGrid, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { Time } from "~/components/Time";
import { useNow } from "~/lib/clock";
import { last, part, runIds } from "~/lib/names";
import { approvals, isLate } from "~/lib/review";
import { span } from "~/lib/time";
import { reviews as words } from "~/text/reviews";

interface Props {
  request: Schemas["ChangeRequest"];
  stack: Schemas["Stack"] | undefined;
}

// What one must know of a request before reading on.
export function Facts({ request, stack }: Props) {
  const project = part(request.name, "projects");
  const { given, needed, missing } = approvals(request);
  const role = request.policy?.reviewerRole ?? "";
  const pending = request.state === "PENDING";
  const run = stack?.activeRun ? runIds(stack.activeRun) : undefined;
  return (
    <Paper withBorder p="md">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
        <Fact label={words.requester}>{last(request.requester)}</Fact>
        {stack && (
          <Fact label={words.stack}>
            <Group gap="xs">
              <Anchor component={Link} to={`/projects/${project}/stacks/${last(stack.name)}`}>
                {last(stack.name)}
              </Anchor>
              {run && (
                <Anchor component={Link} size="sm" to={`/projects/${run.project}/stacks/${run.stack}/runs/${run.run}`}>
                  {words.openRun}
                </Anchor>
              )}
            </Group>
          </Fact>
        )}
        <Fact label={words.approvalsTitle}>
          <Stack gap={4}>
            <span aria-live="polite">{words.approvals(given, needed, role)}</span>
            <Progress value={(given / needed) * 100} size="sm" color="green" aria-hidden />
            {pending && missing > 0 && (
              <Text size="xs" c="dimmed">
                {words.missing(missing, role)}
              </Text>
            )}
          </Stack>
        </Fact>
        {request.expireTime && (pending || request.state === "EXPIRED") && (
          <Fact label={pending ? words.expires : words.expiredAt}>
            {pending ? <Countdown request={request} to={request.expireTime} /> : <Time at={request.expireTime} />}
          </Fact>
        )}
      </SimpleGrid>
    </Paper>
  );
}

const SOON_S = 3_600;

function Countdown({ request, to }: { request: Schemas["ChangeRequest"]; to: string }) {
  const now = useNow();
  if (isLate(request, now)) return <>{words.late}</>;
  const seconds = (Date.parse(to) - now) / 1000;
  return (
    <Text span inherit fw={seconds < SOON_S ? 700 : undefined}>
      {span(seconds)}
    </Text>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text component="div" style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}
