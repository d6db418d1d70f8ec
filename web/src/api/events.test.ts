import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Schemas } from "./client";
import { reader, touches } from "./events";

const event = (resource: string) => ({ name: "projects/web/events/1", resource }) as Schemas["Event"];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(client: QueryClient, path: Record<string, string>, ms: number) {
  let reads = 0;
  const observer = new QueryObserver(client, {
    queryKey: ["get", "/v1/x", { params: { path } }],
    queryFn: () => {
      reads += 1;
      return new Promise<number>((done) => setTimeout(() => done(reads), ms));
    },
    retry: false,
  });
  const stop = observer.subscribe(() => undefined);
  return { reads: () => reads, answer: () => observer.getCurrentResult().data, stop };
}

it("knows what an event touches", () => {
  expect(touches(event("projects/web/stacks/a"), { project: "web", stack: "a" })).toBe(true);
  expect(touches(event("projects/web/stacks/a"), { project: "web", stack: "b" })).toBe(false);
  expect(touches(event("projects/web/stacks/a"), { project: "-" })).toBe(true);
  expect(touches(event("projects/web/stacks/a"), { project: "other" })).toBe(false);
  expect(touches(event("projects/web"), { template: "t" })).toBe(false);
});

it("reads again once for a burst", async () => {
  const client = new QueryClient();
  const query = watched(client, { project: "web" }, 10);
  await vi.advanceTimersByTimeAsync(100);
  const read = reader(client);
  for (let i = 0; i < 50; i++) read.take(event("projects/web/stacks/a"));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(query.reads()).toBe(2);
  query.stop();
});

it("lets slow answers arrive while events never rest, and ends with one that is newer than the last", async () => {
  const client = new QueryClient();
  const query = watched(client, { project: "web" }, 3_000);
  const read = reader(client);
  for (let i = 0; i < 100; i++) {
    read.take(event("projects/web/stacks/a"));
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(query.answer()).toBeGreaterThan(3);
  const before = query.reads();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(query.reads()).toBeGreaterThanOrEqual(before);
  expect(query.answer()).toBe(query.reads());
  const rested = query.reads();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(query.reads()).toBe(rested);
  query.stop();
});

it("reads nothing after its end", async () => {
  const client = new QueryClient();
  const query = watched(client, { project: "web" }, 10);
  await vi.advanceTimersByTimeAsync(100);
  const read = reader(client);
  read.takeAll();
  read.end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(query.reads()).toBe(1);
  query.stop();
});
