import { keepPreviousData } from "@tanstack/react-query";

// All of the overview is read anew as often; what was there stays until the new is.
export const EVERY_MS = 10_000;
export const refresh = { refetchInterval: EVERY_MS, placeholderData: keepPreviousData } as const;

// A moment within the last day, in steps: lists that begin there keep their key for a while.
const STEP = 600_000;
export const aDayAgo = (now = Date.now()) => new Date(Math.floor((now - 86_400_000) / STEP) * STEP).toISOString();
