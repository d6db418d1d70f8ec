import { Alert, Button, Center, Code, Group, List, Loader, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconCloudOff, IconLock, IconMoodEmpty, IconZoomQuestion } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";

import { ApiError, Unreachable } from "~/api/client";
import { common } from "~/text/common";

// Grey lines where rows will be.
export function LoadingRows({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap="xs" role="status" aria-label={common.loading}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={28} />
      ))}
    </Stack>
  );
}

export function LoadingPage() {
  return (
    <Center mih={240} role="status" aria-label={common.loading}>
      <Loader />
    </Center>
  );
}

// Nothing to show, and what one can do about it.
export function Empty({ title, text, action }: { title: string; text?: string; action?: ReactNode }) {
  return <Notice icon={<IconMoodEmpty aria-hidden />} title={title} text={text} action={action} />;
}

interface NoticeProps {
  icon: ReactNode;
  title: string;
  text?: string;
  action?: ReactNode;
  role?: string;
  // It is all of the page.
  page?: boolean;
}

function Notice(props: NoticeProps) {
  return (
    <Center mih={200} p="lg" role={props.role}>
      <Stack align="center" gap="xs" maw={480}>
        <Text c="dimmed" component="span">
          {props.icon}
        </Text>
        <Title order={props.page ? 1 : 2} size="h4" ta="center">
          {props.title}
        </Title>
        {props.text && (
          <Text c="dimmed" ta="center">
            {props.text}
          </Text>
        )}
        {props.action}
      </Stack>
    </Center>
  );
}

interface FailedProps {
  error: unknown;
  onRetry?: () => void;
  // It is all of the page, and so has its first heading.
  page?: boolean;
}

// What stands where something could not be read: forbidden, gone, away or failed.
export function Failed({ error, onRetry, page }: FailedProps) {
  useEffect(() => {
    if (page) document.title = `${common.failed.title} · ${common.product}`;
  }, [page]);
  const retry = onRetry && (
    <Button variant="default" onClick={onRetry}>
      {common.retry}
    </Button>
  );
  if (error instanceof ApiError && error.status === 403) {
    return (
      <Notice
        role="alert"
        icon={<IconLock aria-hidden />}
        {...common.forbidden}
        action={<Problem error={error} />}
        page={page}
      />
    );
  }
  if (error instanceof ApiError && error.status === 404) {
    return <Notice role="alert" icon={<IconZoomQuestion aria-hidden />} {...common.missing} page={page} />;
  }
  if (error instanceof Unreachable) {
    return (
      <Notice role="alert" icon={<IconCloudOff aria-hidden />} {...common.unreachable} action={retry} page={page} />
    );
  }
  return (
    <Stack gap="sm">
      {page && (
        <Title order={1} size="h2">
          {common.failed.title}
        </Title>
      )}
      <Problem error={error} />
      {retry && <Group>{retry}</Group>}
    </Stack>
  );
}

// One error: what it says, every field and metric at fault, and the request's id for the log.
export function Problem({ error }: { error: unknown }) {
  const problem = error instanceof ApiError ? error.problem : undefined;
  const details = [
    ...(problem?.errors ?? []).map((e) => `${e.parameter ?? e.field}: ${e.detail}`),
    ...(problem?.quota ?? []).map((q) => `${q.subject}: ${q.detail}`),
    ...(problem?.preconditions ?? []).map((p) => `${p.subject}: ${p.detail}`),
  ];
  const id = problem?.instance?.split(":").pop();
  return (
    <Alert color="red" role="alert" title={problem?.title ?? common.failed.title}>
      <Text size="sm">{error instanceof Error ? error.message : String(error)}</Text>
      {details.length > 0 && (
        <List size="sm" mt="xs">
          {details.map((d) => (
            <List.Item key={d}>{d}</List.Item>
          ))}
        </List>
      )}
      {id && (
        <Text size="xs" mt="xs">
          <Code>{common.request(id)}</Code>
        </Text>
      )}
    </Alert>
  );
}
