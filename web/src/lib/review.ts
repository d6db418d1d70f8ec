import type { Schemas } from "~/api/client";

import { part } from "./names";

type Request = Schemas["ChangeRequest"];
type Me = Schemas["WhoAmIResponse"];

// How many more reviewers have to say yes to what the request shows now.
export function approvals(request: Request): { given: number; needed: number; missing: number } {
  const given = new Set(
    request.reviews
      .filter((r) => r.verdict === "APPROVE" && r.planDigest === request.planDigest)
      .map((r) => r.reviewer),
  ).size;
  const needed = Math.max(1, request.policy?.requiredApprovals ?? 1);
  return { given, needed, missing: Math.max(0, needed - given) };
}

export const approvedBy = (request: Request, user: string) =>
  request.reviews.some((r) => r.reviewer === user && r.verdict === "APPROVE" && r.planDigest === request.planDigest);

// Why somebody may not review a request: told before they try.
export type Obstacle = "CLOSED" | "OWN" | "ROLE";

export function obstacle(request: Request, me: Me, now: number): Obstacle | undefined {
  if (request.state !== "PENDING" || isLate(request, now)) return "CLOSED";
  if (request.requester === me.user?.name) return "OWN";
  const role = request.policy?.reviewerRole ?? "";
  const roles = rolesIn(me, part(request.name, "projects"));
  // Admins hold every right, so the role of a reviewer too.
  return role === "" || roles.has(role) || roles.has("admin") ? undefined : "ROLE";
}

// Whether a request waits for somebody: they may decide on it, and have not approved what it shows
// now. `mayReview`: they have the permission in its project.
export const waitsForReview = (request: Request, me: Me, mayReview: boolean, now: number) =>
  mayReview && obstacle(request, me, now) === undefined && !approvedBy(request, me.user?.name ?? "");

export const isLate = (request: Request, now: number) =>
  request.state === "PENDING" && request.expireTime !== undefined && Date.parse(request.expireTime) <= now;

// A request that waits is open: nothing works on it, unlike a stack that is pending.
export const requestState = (request: Request) => (request.state === "PENDING" ? "OPEN" : request.state);

// Ids of the roles that somebody has in a project: everywhere, or there.
export function rolesIn(me: Me, project: string): Set<string> {
  const own = me.projectRoles
    .filter((r) => r.startsWith(`projects/${project}: `))
    .map((r) => r.slice(r.indexOf(": ") + 2));
  return new Set([...me.roles, ...own].map((r) => r.replace(/^roles\//, "")));
}

export interface Moment {
  key: string;
  time: string;
  who: string;
  // A verdict of a review, or the type of an event.
  what: string;
  text: string;
  // It was about another plan than the one that is reviewed now.
  outdated: boolean;
}

// Reviews are told by the request itself, with what was said.
const TOLD_BY_REVIEWS = new Set([
  "changeRequest.approved",
  "changeRequest.reviewed",
  "changeRequest.rejected",
  "changeRequest.commented",
]);

// What was said and what happened, oldest first.
export function history(request: Request, events: Schemas["Event"][]): Moment[] {
  const said = request.reviews.map((r, i) => ({
    key: `review ${i}`,
    time: r.createTime ?? "",
    who: r.reviewer,
    what: r.verdict,
    text: r.text,
    outdated: r.planDigest !== request.planDigest,
  }));
  const happened = events
    .filter((e) => !TOLD_BY_REVIEWS.has(e.type))
    .map((e) => ({
      key: e.name,
      time: e.time ?? "",
      who: e.type === "changeRequest.created" ? request.requester : e.actor,
      what: e.type,
      text: e.message,
      outdated: false,
    }));
  if (!happened.some((e) => e.what === "changeRequest.created")) {
    happened.unshift({
      key: "created",
      time: request.createTime ?? "",
      who: request.requester,
      what: "changeRequest.created",
      text: "",
      outdated: false,
    });
  }
  return [...happened, ...said].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
}
