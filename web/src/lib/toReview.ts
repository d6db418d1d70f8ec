import type { Schemas } from "~/api/client";

import { part } from "./names";

// Whether someone has the role that a request's policy asks for, in its project or everywhere.
function hasRole(me: Schemas["WhoAmIResponse"], project: string, role: string): boolean {
  const here = me.projectRoles.flatMap((entry) => {
    const [where, what] = entry.split(": ");
    return where === `projects/${project}` && what ? [what] : [];
  });
  const roles = [...me.roles, ...here];
  return role === "" || roles.includes(`roles/${role}`) || roles.includes("roles/admin");
}

// Whether a request waits for someone: open, not their own, for a role of theirs, and not yet
// approved by them as it is now.
export function waitsFor(request: Schemas["ChangeRequest"], me: Schemas["WhoAmIResponse"]): boolean {
  const user = me.user?.name ?? "";
  if (request.state !== "PENDING" || request.requester === user) return false;
  const approved = request.reviews.some(
    (r) => r.reviewer === user && r.verdict === "APPROVE" && r.planDigest === request.planDigest,
  );
  return !approved && hasRole(me, part(request.name, "projects"), request.policy?.reviewerRole ?? "");
}
