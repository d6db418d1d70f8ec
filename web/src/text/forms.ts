// The words of forms and pickers that several pages share.
export const forms = {
  changed: {
    title: "It changed meanwhile",
    text: "Somebody else has changed this since you opened it. Load it anew, then make your change again.",
    reload: "Load it anew",
  },
  seeFields: "Not saved: see what is said at the fields above.",
  eventTypes: "Event types",
  eventTypesHelp: "Press Enter after each. “stack.*” is all about stacks, “*” is everything.",
  permissions: "Permissions",
  allOf: (kind: string) => `All on ${kind}`,
  everything: "Everything (*)",
  memberKind: "Who",
  user: "User",
  group: "Group",
  userHelp: "Id of a user. Type to search by id or name.",
  groupHelp: "As the identity provider calls it.",
  labels: "Labels",
  labelsHelp: "One on a line, key=value.",
  labelsBad: (line: string) => `“${line}” is not key=value`,
} as const;
