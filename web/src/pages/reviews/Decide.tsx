import { Alert, Button, Group, Modal, Paper, SegmentedControl, Stack, Text, Textarea, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";

import { ApiError, queries, type Schemas } from "~/api/client";
import { useCan, useMe } from "~/api/session";
import { Problem } from "~/components/States";
import { useNow } from "~/lib/clock";
import { part, requestIds } from "~/lib/names";
import { approvedBy, obstacle } from "~/lib/review";
import { useShortcuts } from "~/lib/shortcuts";
import { useRequestId } from "~/lib/requestId";
import { common } from "~/text/common";
import { reviews as words } from "~/text/reviews";

type Verdict = "APPROVE" | "REJECT" | "COMMENT";
const MOST_TEXT = 4_000;
const PATH = "/v1/projects/{project}/changeRequests/{changeRequest}";

interface Props {
  request: Schemas["ChangeRequest"];
  // Of the plan that was read.
  digest: string;
  planChanged: boolean;
  onHelp: () => void;
}

// Where one says yes, no or something else; what one may not do is told before it is tried.
export function Decide({ request, digest, planChanged, onHelp }: Props) {
  const now = useNow();
  const me = useMe();
  const project = `projects/${part(request.name, "projects")}`;
  const can = useCan(project, ["changeRequests.review", "changeRequests.create"]);
  const client = useQueryClient();
  const approve = queries.useMutation("post", `${PATH}:approve`);
  const reject = queries.useMutation("post", `${PATH}:reject`);
  const comment = queries.useMutation("post", `${PATH}:comment`);
  const { idFor: requestId } = useRequestId();
  const box = useRef<HTMLTextAreaElement>(null);
  const [chosen, setChosen] = useState<Verdict>();
  const [text, setText] = useState("");
  const [refused, setRefused] = useState("");
  const [error, setError] = useState<unknown>();
  const [pending, setPending] = useState(false);

  const known = me !== undefined && can !== undefined;
  const against = me && obstacle(request, me, now);
  const mayReview = known && !against && can.has("changeRequests.review");
  const approved = me?.user !== undefined && approvedBy(request, me.user.name);
  const verdicts: Verdict[] = mayReview
    ? approved
      ? ["COMMENT", "REJECT"]
      : ["APPROVE", "REJECT", "COMMENT"]
    : ["COMMENT"];
  const verdict = chosen && verdicts.includes(chosen) ? chosen : (verdicts[0] as Verdict);

  const choose = (next: Verdict) => () => {
    if (!verdicts.includes(next)) return;
    setChosen(next);
    setRefused("");
    box.current?.focus();
  };
  useShortcuts({ a: choose("APPROVE"), r: choose("REJECT"), c: choose("COMMENT"), "?": onHelp });

  const send = async () => {
    const words_ = text.trim();
    if (pending) return;
    if (verdict !== "APPROVE" && words_ === "") {
      setRefused(verdict === "REJECT" ? words.decide.needed : words.decide.neededComment);
      box.current?.focus();
      return;
    }
    if (verdict === "APPROVE" && planChanged) {
      setRefused(words.planChanged.first);
      return;
    }
    setPending(true);
    setRefused("");
    setError(undefined);
    const params = { path: requestIds(request.name) };
    const id = requestId([verdict, words_, digest, request.etag].join("\n"));
    try {
      if (verdict === "APPROVE") {
        const body = { comment: words_, planDigest: digest, etag: request.etag, requestId: id };
        await approve.mutateAsync({ params, body });
      } else if (verdict === "REJECT") {
        await reject.mutateAsync({ params, body: { reason: words_, etag: request.etag, requestId: id } });
      } else {
        await comment.mutateAsync({ params, body: { text: words_, requestId: id } });
      }
      setText("");
      setChosen(undefined);
      notifications.show({ message: words.decide.sent[verdict] });
      await client.invalidateQueries({ queryKey: ["get"] });
    } catch (e) {
      setError(e);
    } finally {
      setPending(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void send();
  };
  const loadAnew = () => {
    setError(undefined);
    void client.invalidateQueries({ queryKey: ["get"] });
  };

  return (
    <Paper withBorder p="md" component="section" aria-label={words.decide.title}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2} size="h4">
            {mayReview ? words.decide.title : words.decide.commentTitle}
          </Title>
          {known && <Obstacle request={request} why={against} may={can.has("changeRequests.review")} />}
          {mayReview && approved && <Text size="sm">{words.decide.approvedByYou}</Text>}
          {verdicts.length > 1 && (
            <SegmentedControl
              aria-label={words.decide.verdict}
              data={verdicts.map((v) => ({ value: v, label: words.decide.verdicts[v] }))}
              value={verdict}
              onChange={(v) => setChosen(v as Verdict)}
              fullWidth
            />
          )}
          <Textarea
            ref={box}
            label={words.decide.text[verdict]}
            value={text}
            onChange={(e) => {
              setText(e.currentTarget.value);
              setRefused("");
            }}
            onKeyDown={onKey}
            autosize
            minRows={3}
            maxRows={16}
            maxLength={MOST_TEXT}
            required={verdict === "REJECT"}
            error={refused || (text.length >= MOST_TEXT && words.decide.long(MOST_TEXT))}
          />
          <Trouble error={error} onLoad={loadAnew} />
          <Group justify="space-between">
            <Text size="xs" c="dimmed">
              {words.decide.hint}
            </Text>
            <Group gap="xs">
              {me?.user?.name === request.requester && can?.has("changeRequests.create") && (
                <Withdraw request={request} />
              )}
              <Button
                type="submit"
                color={verdict === "REJECT" ? "red" : undefined}
                variant={verdict === "COMMENT" ? "default" : "filled"}
                loading={pending}
              >
                {verdict === "APPROVE" && request.revision === ""
                  ? words.decide.approveOther
                  : words.decide.send[verdict]}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}

function Obstacle(props: { request: Schemas["ChangeRequest"]; why: ReturnType<typeof obstacle>; may: boolean }) {
  const { why } = props;
  const text =
    why === "ROLE"
      ? words.obstacles.ROLE(props.request.policy?.reviewerRole ?? "")
      : why
        ? words.obstacles[why]
        : props.may
          ? ""
          : words.obstacles.PERMISSION;
  if (!text) return null;
  return (
    <Text size="sm" c="dimmed">
      {text}
    </Text>
  );
}

// A request that changed meanwhile is no error of the reader's.
function Trouble({ error, onLoad }: { error: unknown; onLoad: () => void }) {
  if (error === undefined) return null;
  const reason = error instanceof ApiError ? error.reason : undefined;
  if (reason !== "ETAG_MISMATCH" && reason !== "PLAN_STALE" && reason !== "REQUEST_CLOSED")
    return <Problem error={error} />;
  return (
    <Alert color="orange" role="alert" title={words.changed.title}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{words.changed.text}</Text>
        <Button size="xs" variant="default" onClick={onLoad}>
          {words.changed.load}
        </Button>
      </Stack>
    </Alert>
  );
}

function Withdraw({ request }: { request: Schemas["ChangeRequest"] }) {
  const [opened, setOpened] = useState(false);
  const client = useQueryClient();
  const { idFor: requestId } = useRequestId();
  const { mutateAsync, isPending, error, reset } = queries.useMutation("post", `${PATH}:withdraw`);
  const close = () => {
    reset();
    setOpened(false);
  };
  const withdraw = async () => {
    const body = { etag: request.etag, requestId: requestId(request.etag) };
    // What went wrong is shown from the mutation.
    await mutateAsync({ params: { path: requestIds(request.name) }, body })
      .then(() => {
        close();
        notifications.show({ message: words.decide.withdrawn });
      })
      .catch(() => undefined);
    await client.invalidateQueries({ queryKey: ["get"] });
  };
  if (request.state !== "PENDING") return null;
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)}>
        {words.decide.withdraw}
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={words.decide.withdrawTitle}
        closeButtonProps={{ "aria-label": common.close }}
      >
        <Stack>
          <Text>{words.decide.withdrawText}</Text>
          {error !== null && <Problem error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {common.cancel}
            </Button>
            <Button color="red" loading={isPending} onClick={() => void withdraw()} data-autofocus>
              {words.decide.withdraw}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
