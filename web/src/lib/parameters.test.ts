import { describe, expect, it } from "vitest";

import {
  byParameter,
  checkParameters,
  draftOf,
  draftsOf,
  edited,
  MASKED,
  matches,
  type Parameter,
  readChanges,
  readDraft,
  readNew,
} from "./parameters";

function parameter(type: unknown, more: Partial<Parameter> = {}): Parameter {
  return {
    name: "p",
    title: "",
    description: "",
    type: "what the module says",
    typeJson: JSON.stringify(type),
    required: false,
    sensitive: false,
    nullable: false,
    pattern: "",
    allowedValues: [],
    injected: false,
    ...more,
  };
}
const texts = (one: Parameter, value: unknown) => checkParameters([one], { p: value }).map((f) => f.text);

describe("checkParameters", () => {
  it("knows unknown, missing and injected names", () => {
    const required = parameter("string", { required: true });
    expect(checkParameters([required], {})).toEqual([{ path: "p", text: "is missing" }]);
    expect(checkParameters([required], { p: "a", q: 1 })).toEqual([
      { path: "q", text: "is not a parameter of this template" },
    ]);
    const injected = parameter("string", { required: true, injected: true });
    expect(checkParameters([injected], {})).toEqual([]);
    expect(checkParameters([injected], { p: "mine" })).toHaveLength(1);
  });

  it("takes null only where it is a value", () => {
    expect(texts(parameter("string"), null)).toEqual(["must not be null"]);
    expect(texts(parameter("string", { nullable: true, minLength: 3 }), null)).toEqual([]);
  });

  it("bounds numbers however they are written", () => {
    const one = parameter("number", { minimum: 1, maximum: 10.5 });
    for (const good of [1, 10.5, "10"]) expect(texts(one, good)).toEqual([]);
    expect(texts(one, 0.999)).toEqual(["must be at least 1"]);
    expect(texts(one, "0")).toEqual(["must be at least 1"]);
    expect(texts(one, "11")).toEqual(["must be at most 10.5"]);
    expect(texts(parameter("number", { minimum: 0 }), -1)).toEqual(["must be at least 0"]);
  });

  it("counts characters or elements", () => {
    const text = parameter("string", { minLength: 2, maxLength: 3 });
    expect(texts(text, "äö😀")).toEqual([]);
    expect(texts(text, "ä")).toEqual(["must have at least 2 characters"]);
    expect(texts(text, "abcd")).toEqual(["must have at most 3 characters"]);
    const list = parameter(["list", "string"], { minLength: 1, maxLength: 2 });
    expect(texts(list, [])).toEqual(["must have at least 1 elements"]);
    expect(texts(list, ["a", "b", "c"])).toEqual(["must have at most 2 elements"]);
    expect(texts(parameter(["map", "string"], { maxLength: 1 }), { a: "1", b: "2" })).toHaveLength(1);
  });

  it("wants a pattern to match the whole text, and numbers in strings too", () => {
    const one = parameter("string", { pattern: "[a-z]+" });
    expect(texts(one, "abc")).toEqual([]);
    for (const bad of ["abc1", "1abc", "", "abc\n", 12]) expect(texts(one, bad)).toEqual(["must match [a-z]+"]);
    expect(texts(parameter("string", { pattern: "a|bc" }), "abc")).toHaveLength(1);
  });

  it("allows only allowed values", () => {
    const size = parameter("string", { allowedValues: ["small", "large"] });
    expect(texts(size, "large")).toEqual([]);
    expect(texts(size, "Large")).toEqual(["must be one of small, large"]);
    const count = parameter("number", { allowedValues: [1, 3] });
    expect(texts(count, "3")).toEqual([]);
    expect(texts(count, 2)).toEqual(["must be one of 1, 3"]);
  });

  it("tells a wrong type once, and without its rules", () => {
    expect(texts(parameter("number", { minimum: 1, allowedValues: [1] }), [])).toEqual([
      "must be a number, not a list",
    ]);
  });
});

describe("matches", () => {
  it("leaves to the server what RE2 reads otherwise", () => {
    for (const pattern of ["[[:alpha:]]+", "(?i)abc", "(?P<n>a)", "\\pL+", "a\\z", "(", "\\Qa.b\\E"]) {
      expect(matches(pattern, "abc")).toBeUndefined();
    }
    expect(matches("(?:ab)+", "abab")).toBe(true);
    expect(matches("1\\.[0-9]{2}", "1x33")).toBe(false);
  });
});

describe("drafts", () => {
  it("keep the types of values", () => {
    const cases: [Parameter, unknown][] = [
      [parameter("string", { required: true }), "3"],
      [parameter("number", { required: true }), 2.5],
      [parameter("bool", { defaultValue: true }), false],
      [parameter("bool", { required: true }), false],
      [parameter(["list", "number"]), [1, 2]],
      [parameter(["set", "string"]), ["1", "a,b"]],
      [parameter(["map", "string"]), { a: "1" }],
      [parameter(["map", "number"]), { a: 1 }],
      [parameter(["list", ["object", { cidr: "string" }]]), [{ cidr: "x" }]],
      [parameter(["list", "string"]), ["a", null]],
      [parameter("dynamic"), "text"],
      [parameter("number", { allowedValues: [1, 3] }), 3],
    ];
    for (const [one, value] of cases) expect(readDraft(one, draftOf(one, value))).toEqual({ given: true, value });
  });

  it("are not given where nothing was entered", () => {
    for (const type of ["string", "number", "bool", "dynamic", ["list", "string"], ["map", "string"], ["tuple", []]]) {
      const one = parameter(type);
      expect(readDraft(one, draftOf(one, undefined))).toEqual({ given: false });
    }
  });

  it("say that something is empty where its default is not", () => {
    const text = parameter("string", { defaultValue: "Hello" });
    expect(readDraft(text, { kind: "text", text: "" })).toEqual({ given: true, value: "" });
    const list = parameter(["list", "string"], { required: true });
    expect(readDraft(list, { kind: "list", items: [] })).toEqual({ given: true, value: [] });
  });

  it("never hold a secret that is set", () => {
    expect(draftOf(parameter("string", { sensitive: true, defaultValue: "x" }), "hunter2")).toEqual({
      kind: "secret",
      text: "",
    });
    expect(draftOf(parameter("string"), MASKED)).toEqual({ kind: "text", text: "" });
  });

  it("read secrets in their own type", () => {
    const read = (type: unknown, text: string) =>
      readDraft(parameter(type, { sensitive: true }), { kind: "secret", text });
    expect(read("string", "3")).toEqual({ given: true, value: "3" });
    expect(read("number", "3")).toEqual({ given: true, value: 3 });
    expect(read(["list", "string"], '["a"]')).toEqual({ given: true, value: ["a"] });
    expect(read(["list", "string"], "a")).toEqual({ given: true, fault: "is not valid JSON" });
  });

  it("tell keys that are missing or there twice", () => {
    const map = parameter(["map", "string"]);
    const read = (...entries: [string, string][]) =>
      readDraft(map, { kind: "map", entries: entries.map(([key, value]) => ({ key, value })) });
    expect(read(["a", "1"], ["a", "2"])).toMatchObject({ fault: "has the key a twice" });
    expect(read(["", "1"])).toMatchObject({ fault: "has a value without a key" });
    expect(read(["", ""], ["a", ""])).toEqual({ given: true, value: { a: "" } });
  });
});

describe("readNew", () => {
  const schema = [
    parameter("string", { name: "name", required: true, pattern: "[a-z]+" }),
    parameter("number", { name: "size", defaultValue: 1, maximum: 8 }),
    parameter(["list", "string"], { name: "zones", defaultValue: ["a"], minLength: 1 }),
    parameter("dynamic", { name: "extra" }),
    parameter("string", { name: "uid", required: true, injected: true }),
  ];

  it("leaves out what is as the template has it", () => {
    const drafts = { ...draftsOf(schema), name: { kind: "text", text: "shop" } as const };
    expect(readNew(schema, drafts)).toEqual({ values: { name: "shop" }, faults: [] });
  });

  it("tells everything that is wrong at once, in the form's order", () => {
    const { faults } = readNew(schema, {
      name: { kind: "text", text: "Shop" },
      size: { kind: "number", text: "nine" },
      zones: { kind: "list", items: [] },
      extra: { kind: "json", text: "{" },
    });
    expect(faults).toEqual([
      { path: "name", text: "must match [a-z]+" },
      { path: "size", text: "must be a number, not a string" },
      { path: "zones", text: "must have at least 1 elements" },
      { path: "extra", text: "is not valid JSON" },
    ]);
    expect(byParameter(faults).name).toEqual(["Must match [a-z]+"]);
  });
});

describe("readChanges", () => {
  const schema = [
    parameter("string", { name: "name", required: true }),
    parameter("number", { name: "size", defaultValue: 1, maximum: 8 }),
    parameter("string", { name: "password", required: true, sensitive: true, minLength: 20 }),
  ];
  const held = { name: "shop", size: 3, password: MASKED };
  const before = draftsOf(schema, held);

  it("leaves what nobody touched, secrets first of all", () => {
    expect(readChanges(schema, held, before, before)).toEqual({ values: {}, names: [], faults: [] });
  });

  it("sends what changed, and takes back what was emptied", () => {
    const size = (text: string) => readChanges(schema, held, before, { ...before, size: { kind: "number", text } });
    expect(size("4")).toMatchObject({ values: { size: 4 }, names: ["size"] });
    expect(size("")).toMatchObject({ values: {}, names: ["size"], faults: [] });
    expect(size("3.0")).toMatchObject({ values: {}, names: [] });
    expect(size("9").faults).toEqual([{ path: "size", text: "must be at most 8" }]);
  });

  it("drops what the version does not know, and asks for secrets that are none any more", () => {
    expect(readChanges(schema, { ...held, old: 1 }, before, before)).toEqual({
      values: {},
      names: ["old"],
      faults: [],
    });
    const open = schema.map((p) => ({ ...p, sensitive: false }));
    const drafts = draftsOf(open, held);
    expect(readChanges(open, held, drafts, drafts).faults).toEqual([
      { path: "password", text: "is no longer a secret: enter it anew" },
    ]);
  });

  it("tells a value that is no longer allowed", () => {
    const narrow = [parameter("string", { name: "name", allowedValues: ["blog"] }), ...schema.slice(1)];
    const drafts = draftsOf(narrow, held);
    expect(readChanges(narrow, held, drafts, drafts).faults).toEqual([{ path: "name", text: "must be one of blog" }]);
  });

  it("keeps edits that another version can take", () => {
    const edits = { size: { kind: "number", text: "5" }, name: { kind: "choice", json: '"a"' } } as const;
    expect(edited(before, edits)).toEqual({ ...before, size: edits.size });
  });

  it("wants what a new version requires", () => {
    const more = [...schema, parameter("string", { name: "region", required: true })];
    const drafts = draftsOf(more, held);
    expect(readChanges(more, held, drafts, drafts).faults).toEqual([{ path: "region", text: "is missing" }]);
  });
});
