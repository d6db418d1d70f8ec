import type { Schemas } from "~/api/client";

import type { Changes } from "./parameters";
import { same } from "./cty";

export interface Edited {
  displayName: string;
  labels: Record<string, string>;
  templateVersion: string;
  parameters: Changes;
}

// What to send of an edited stack: only what differs, and a mask that names it.
export function patchOf(
  stack: Pick<Schemas["Stack"], "displayName" | "labels" | "etag">,
  version: string,
  edited: Edited,
): { mask: string[]; body: Schemas["Stack.Patch"] } {
  const mask: string[] = [];
  const body: Schemas["Stack.Patch"] = { etag: stack.etag };
  if (edited.displayName !== (stack.displayName ?? "")) {
    mask.push("display_name");
    body.displayName = edited.displayName;
  }
  if (!same(edited.labels, stack.labels ?? {})) {
    mask.push("labels");
    body.labels = edited.labels;
  }
  if (edited.templateVersion !== version) {
    mask.push("template_version");
    body.templateVersion = edited.templateVersion;
  }
  if (edited.parameters.names.length > 0) {
    mask.push(...edited.parameters.names.map((name) => `parameters.${name}`));
    body.parameters = edited.parameters.values;
  }
  return { mask, body };
}
