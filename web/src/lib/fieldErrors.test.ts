import { describe, expect, it } from "vitest";

import { ApiError, type Problem } from "~/api/client";

import { allShown, errorAt } from "./fieldErrors";

const failed = (errors: Problem["errors"]) => new ApiError(400, { errors } as Problem);

describe("errorAt", () => {
  it("finds a field by parameter, pointer and path", () => {
    expect(errorAt(failed([{ field: "project_id", parameter: "projectId", detail: "is taken" }]), "projectId")).toBe(
      "is taken",
    );
    expect(errorAt(failed([{ field: "x", pointer: "/amount/value", detail: "is 0" }]), "amount.value")).toBe("is 0");
    expect(errorAt(failed([{ field: "project.display_name", detail: "is long" }]), "displayName")).toBe("is long");
  });
  it("takes what lies in a field for the field's", () => {
    expect(errorAt(failed([{ field: "project.labels.team", detail: "is long" }]), "labels")).toBe("is long");
    expect(errorAt(failed([{ field: "role.permissions[2]", detail: "is unknown" }]), "permissions")).toBe("is unknown");
  });
  it("joins several and leaves others out", () => {
    const error = failed([
      { field: "a", detail: "one" },
      { field: "a", detail: "two" },
      { field: "ba", detail: "three" },
    ]);
    expect(errorAt(error, "a")).toBe("one; two");
  });
  it("says nothing of other errors", () => {
    expect(errorAt(new Error("no"), "a")).toBeUndefined();
  });
});

describe("allShown", () => {
  it("wants every error to have its field", () => {
    const error = failed([
      { field: "a.b", detail: "one" },
      { field: "c", detail: "two" },
    ]);
    expect(allShown(error, ["b", "c"])).toBe(true);
    expect(allShown(error, ["b"])).toBe(false);
    expect(allShown(new Error("no"), ["b"])).toBe(false);
  });
});
