import { type ApiError, errorOf, type Problem } from "./client";

// How a stream is doing, for people.
export type StreamState = "connecting" | "live" | "away" | "ended";

interface Listener<T> {
  onMessage: (message: T, id: string) => void;
  onState?: (state: StreamState) => void;
  // The server will not go on with this: no permission, or gone.
  onProblem?: (problem: Problem) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
// A hidden page gives its connection back: over HTTP/1 a browser has six for one server.
const HIDDEN_MS = 30_000;

// Follows server-sent events and goes on where it was when the connection breaks: the id of an event
// is the token that the server resumes from. Answers how to stop.
export function follow<T>(path: string, from: string | undefined, listener: Listener<T>): () => void {
  let last = from;
  let pause = FIRST_PAUSE_MS;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const say = (state: StreamState) => listener.onState?.(state);

  function close() {
    source?.close();
    source = undefined;
    clearTimeout(timer);
    timer = undefined;
  }
  function end() {
    stopped = true;
    close();
    clearTimeout(hiding);
    document.removeEventListener("visibilitychange", onVisibility);
  }
  function open() {
    timer = undefined;
    const url = new URL(path, location.origin);
    if (last) url.searchParams.set(path.includes(":tailLog") ? "offset" : "resumeToken", last);
    say("connecting");
    source = new EventSource(url);
    source.onopen = () => {
      pause = FIRST_PAUSE_MS;
      say("live");
    };
    source.onmessage = (event: MessageEvent<string>) => {
      if (event.lastEventId) last = event.lastEventId;
      listener.onMessage(JSON.parse(event.data) as T, event.lastEventId);
    };
    source.addEventListener("end", () => {
      end();
      say("ended");
    });
    source.addEventListener("problem", (event) => {
      const problem = JSON.parse((event as MessageEvent<string>).data) as Problem;
      if (problem.status >= 500 || problem.status === 429) return;
      end();
      say("ended");
      listener.onProblem?.(problem);
    });
    // Browsers connect again by themselves after some faults and not after others; we always do.
    source.onerror = () => {
      const answered = source?.readyState === EventSource.CLOSED;
      close();
      if (stopped) return;
      say("away");
      if (answered) void hear(url);
      else again();
    };
  }
  function again() {
    timer = setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
  // An EventSource does not tell what the server answered: what is forbidden or gone is not asked for
  // again and again.
  async function hear(url: URL) {
    const error = await refusal(url);
    if (stopped || source || timer) return;
    if (error && error.status < 500 && error.status !== 408 && error.status !== 429) {
      end();
      say("ended");
      if (error.problem) listener.onProblem?.(error.problem);
    } else {
      again();
    }
  }
  function onVisibility() {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(() => {
        close();
        say("away");
      }, HIDDEN_MS);
    } else if (!source && !timer) {
      open();
    }
  }
  document.addEventListener("visibilitychange", onVisibility);
  open();
  return end;
}

async function refusal(url: URL): Promise<ApiError | undefined> {
  const abort = new AbortController();
  try {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: abort.signal });
    return response.ok ? undefined : await errorOf(response);
  } catch {
    return undefined;
  } finally {
    abort.abort();
  }
}
