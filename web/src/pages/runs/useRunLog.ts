import { useCallback, useEffect, useRef, useState } from "react";

import { api, type Schemas } from "~/api/client";
import { follow, type StreamState } from "~/api/stream";
import { LogBuffer, readBefore, type ReadLog } from "~/lib/logBuffer";
import { runs as words } from "~/text/runs";

import { runPath } from "./useRunEvents";

interface Ids {
  project: string;
  stack: string;
  run: string;
}

// What is read at once when one scrolls up.
const PART_BYTES = 256 << 10;
const BURST_MS = 100;

export async function readLog(ids: Ids, offset: number, limit: number, signal?: AbortSignal) {
  const { data } = await api.GET("/v1/projects/{project}/stacks/{stack}/runs/{run}:readLog", {
    params: { path: ids, query: { offset: String(offset), limit } },
    signal,
  });
  return { text: data?.text ?? "", next: Number(data?.nextOffset ?? offset) };
}

export interface RunLogState {
  buffer: LogBuffer | undefined;
  // Counts the changes of the buffer, which changes in place.
  version: number;
  stream: StreamState;
  error: unknown;
  busy: boolean;
  loadOlder: () => void;
}

// The end of a run's log, which grows with the run, and what is older when it is asked for.
export function useRunLog({ project, stack, run }: Ids, size: number, ended: boolean): RunLogState {
  // Where the log was when it was opened: what comes later, the stream brings.
  const [opened] = useState({ size, ended });
  const [buffer, setBuffer] = useState<LogBuffer>();
  const [version, setVersion] = useState(0);
  const [stream, setStream] = useState<StreamState>(ended ? "ended" : "connecting");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const loading = useRef(false);

  useEffect(() => {
    const ids = { project, stack, run };
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop = () => {};
    const begin = async () => {
      const read: ReadLog = (offset, limit) => readLog(ids, offset, limit, abort.signal);
      const part = await readBefore(read, opened.size, PART_BYTES);
      if (abort.signal.aborted) return;
      const log = new LogBuffer(part.offset);
      log.append(part.text, opened.size);
      setBuffer(log);
      setError(undefined);
      if (opened.ended) return;
      stop = follow<Schemas["TailLogResponse"]>(`${runPath(ids)}:tailLog`, String(opened.size), {
        onMessage: (message) => {
          log.append(message.text, Number(message.nextOffset));
          timer ??= setTimeout(() => {
            timer = undefined;
            setVersion((v) => v + 1);
          }, BURST_MS);
        },
        onState: setStream,
      });
    };
    begin().catch((e: unknown) => !abort.signal.aborted && setError(e));
    return () => {
      abort.abort();
      clearTimeout(timer);
      stop();
    };
  }, [opened, project, stack, run]);

  const loadOlder = useCallback(() => {
    if (!buffer || buffer.isWhole || loading.current) return;
    loading.current = true;
    setBusy(true);
    readBefore((offset, limit) => readLog({ project, stack, run }, offset, limit), buffer.start, PART_BYTES)
      .then((part) => {
        if (part.text !== "") buffer.prepend(part.text, part.offset);
        if (part.gap > 0) buffer.prepend(words.log.leftOut(part.gap), part.offset - part.gap);
        setError(undefined);
      })
      .catch(setError)
      .finally(() => {
        loading.current = false;
        setBusy(false);
        setVersion((v) => v + 1);
      });
  }, [buffer, project, stack, run]);

  return { buffer, version, stream, error, busy, loadOlder };
}
