import { ActionIcon, Button, Group, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconDownload, IconSearch } from "@tabler/icons-react";
import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";

import { LiveState } from "~/components/LiveState";
import { Empty, Failed, LoadingRows, Problem } from "~/components/States";
import { type LogBuffer, LogSearch } from "~/lib/logBuffer";
import { saveBlob } from "~/lib/saveBlob";
import { runs } from "~/text/runs";

import { LogLines } from "./LogLines";
import { readLog, useRunLog } from "./useRunLog";

const words = runs.log;

interface Props {
  ids: { project: string; stack: string; run: string };
  // Bytes of the log, and whether more will come.
  size: number;
  ended: boolean;
}

// The log of a run: its end first, and older lines as one scrolls up.
export function RunLog({ ids, size, ended }: Props) {
  const log = useRunLog(ids, size, ended);
  if (!log.buffer) return log.error ? <Failed error={log.error} /> : <LoadingRows />;
  if (log.buffer.lines.length === 0 && ended) return <Empty {...words.empty} />;
  return <OpenLog ids={ids} log={log} buffer={log.buffer} size={size} ended={ended} />;
}

function OpenLog(props: Props & { log: ReturnType<typeof useRunLog>; buffer: LogBuffer }) {
  const { log, buffer } = props;
  const [following, setFollowing] = useState(true);
  const [wrap, setWrap] = useState(false);
  const [query, setQuery] = useState("");
  const wanted = useDeferredValue(query.trim());
  const search = useMemo(() => (wanted === "" ? undefined : new LogSearch(wanted, buffer)), [wanted, buffer]);
  // The buffer changes in place; its version tells when.
  const { version } = log;
  const { hits } = useMemo(() => ({ hits: search?.update() ?? [], version }), [search, version]);
  const [hit, setHit] = useState<number>();
  const at = hit === undefined ? -1 : hits.indexOf(hit);

  const go = (by: 1 | -1) => {
    if (hits.length === 0) return;
    const next = at < 0 ? (by > 0 ? 0 : hits.length - 1) : (at + by + hits.length) % hits.length;
    setFollowing(false);
    setHit(hits[next]);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  };
  return (
    <Stack gap="xs">
      <Group gap="sm">
        <TextInput
          aria-label={words.search}
          placeholder={words.search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={query}
          onChange={(e) => {
            setQuery(e.currentTarget.value);
            setHit(undefined);
          }}
          onKeyDown={onKey}
          spellCheck={false}
          style={{ flex: "1 1 200px" }}
        />
        {search && (
          <Group gap={4} wrap="nowrap">
            <Text size="sm" aria-live="polite">
              {hits.length === 0 ? words.noHits : words.hits(at + 1, hits.length)}
              {!buffer.isWhole && ` ${words.partial}`}
            </Text>
            <ActionIcon
              variant="default"
              aria-label={words.previous}
              title={words.previous}
              disabled={hits.length === 0}
              onClick={() => go(-1)}
            >
              <IconChevronUp size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label={words.next}
              title={words.next}
              disabled={hits.length === 0}
              onClick={() => go(1)}
            >
              <IconChevronDown size={16} aria-hidden />
            </ActionIcon>
          </Group>
        )}
        {!props.ended && (
          <Switch label={words.follow} checked={following} onChange={(e) => setFollowing(e.currentTarget.checked)} />
        )}
        <Switch label={words.wrap} checked={wrap} onChange={(e) => setWrap(e.currentTarget.checked)} />
        <Download ids={props.ids} size={Math.max(props.size, buffer.end)} />
        {!props.ended && (
          <Text size="sm" c="dimmed">
            <LiveState state={log.stream} />
          </Text>
        )}
      </Group>
      {log.error !== undefined && <Problem error={log.error} />}
      <LogLines
        buffer={buffer}
        version={version}
        wrap={wrap}
        query={wanted}
        hit={hit}
        following={following}
        onFollow={setFollowing}
        busy={log.busy}
        onOlder={log.loadOlder}
        ended={props.ended}
      />
    </Stack>
  );
}

const PART_BYTES = 1 << 20;

// The whole log as a file, read piece by piece.
function Download({ ids, size }: Pick<Props, "ids" | "size">) {
  const [percent, setPercent] = useState<number>();
  const [error, setError] = useState<unknown>();
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const download = async () => {
    abort.current = new AbortController();
    const { signal } = abort.current;
    setPercent(0);
    setError(undefined);
    try {
      const parts: Blob[] = [];
      let at = 0;
      while (at < size) {
        const part = await readLog(ids, at, PART_BYTES, signal);
        if (part.next <= at) break;
        parts.push(new Blob([part.text]));
        at = part.next;
        setPercent(Math.min(100, Math.floor((at / size) * 100)));
      }
      saveBlob(new Blob(parts, { type: "text/plain" }), `${ids.project}-${ids.stack}-run-${ids.run}.log`);
    } catch (e) {
      if (!signal.aborted) setError(e);
    } finally {
      setPercent(undefined);
    }
  };
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconDownload size={14} aria-hidden />}
        disabled={percent !== undefined}
        onClick={() => void download()}
      >
        {percent === undefined ? words.download : words.downloading(percent)}
      </Button>
      {error !== undefined && <Problem error={error} />}
    </>
  );
}
