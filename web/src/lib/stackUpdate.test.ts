import { describe, expect, it } from "vitest";

import { patchOf } from "./stackUpdate";

const stack = { displayName: "Shop", labels: { team: "web" }, etag: "e1" };
const none = { values: {}, names: [], faults: [] };
const same = {
  displayName: "Shop",
  labels: { team: "web" },
  templateVersion: "templates/t/versions/1",
  parameters: none,
};
const VERSION = "templates/t/versions/1";

describe("patchOf", () => {
  it("sends nothing but the etag where nothing changed", () => {
    expect(patchOf(stack, VERSION, same)).toEqual({ mask: [], body: { etag: "e1" } });
  });

  it("names what changed, and what goes back to its default", () => {
    const { mask, body } = patchOf(stack, VERSION, {
      displayName: "",
      labels: {},
      templateVersion: "templates/t/versions/2",
      parameters: { values: { size: 4 }, names: ["size", "zones"], faults: [] },
    });
    expect(mask).toEqual(["display_name", "labels", "template_version", "parameters.size", "parameters.zones"]);
    expect(body).toEqual({
      etag: "e1",
      displayName: "",
      labels: {},
      templateVersion: "templates/t/versions/2",
      parameters: { size: 4 },
    });
  });

  it("takes back a parameter alone", () => {
    const { mask, body } = patchOf(stack, VERSION, {
      ...same,
      parameters: { values: {}, names: ["size"], faults: [] },
    });
    expect(mask).toEqual(["parameters.size"]);
    expect(body).toEqual({ etag: "e1", parameters: {} });
  });
});
