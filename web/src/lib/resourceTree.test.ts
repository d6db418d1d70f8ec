import { describe, expect, it } from "vitest";

import { branches, buildTree, matches, parseAddress, visibleRows, wordsOf } from "./resourceTree";

const at = (address: string) => ({ address, id: "", provider: "aws", tainted: false });

describe("parseAddress", () => {
  it.each([
    ["aws_s3_bucket.c", [], "aws_s3_bucket.c", ""],
    ["aws_s3_bucket.c[0]", [], "aws_s3_bucket.c", "[0]"],
    ["data.aws_ami.x", [], "data.aws_ami.x", ""],
    ['module.a.module.b["x"].aws_s3_bucket.c[10]', ["module.a", 'module.b["x"]'], "aws_s3_bucket.c", "[10]"],
    ['module.b["x.y"].data.aws_ami.z["p.q"]', ['module.b["x.y"]'], "data.aws_ami.z", '["p.q"]'],
    ['null_resource.n["a\\"].b[1"]', [], "null_resource.n", '["a\\"].b[1"]'],
    ['aws_x.y["[z]"]', [], "aws_x.y", '["[z]"]'],
    ["module.a[0].module.c.t.n", ["module.a[0]", "module.c"], "t.n", ""],
    // A type called `module` does not exist, but what is short is not lost.
    ["module.a", [], "module.a", ""],
    ["", [], "", ""],
  ])("reads %s", (address, modules, block, key) => {
    expect(parseAddress(address)).toEqual({ modules, block, key });
  });
});

describe("buildTree", () => {
  it("puts resources under their modules and instances under their block", () => {
    const tree = buildTree([at("module.a.t.n[1]"), at("module.a.t.n[0]"), at("module.a.t.m"), at("t.z")]);
    expect(tree.map((n) => [n.label, n.kind, n.count])).toEqual([
      ["t.z", "resource", 1],
      ["module.a", "module", 3],
    ]);
    expect(tree[1]?.children.map((n) => [n.id, n.label, n.kind, n.count])).toEqual([
      ["module.a.t.m", "t.m", "resource", 1],
      ["module.a.t.n", "t.n", "block", 2],
    ]);
    expect(tree[1]?.children[1]?.children.map((n) => n.id)).toEqual(["module.a.t.n[0]", "module.a.t.n[1]"]);
  });

  it("sorts numbers as numbers", () => {
    const [block] = buildTree([at("t.n[10]"), at("t.n[9]"), at("t.n[1]")]);
    expect(block?.children.map((n) => n.label)).toEqual(["[1]", "[9]", "[10]"]);
  });

  it("keeps instances of modules apart", () => {
    const tree = buildTree([at('module.z["a.b"].t.n'), at('module.z["c"].t.n')]);
    expect(tree.map((n) => n.label)).toEqual(['module.z["a.b"]', 'module.z["c"]']);
  });

  it("loses nothing and adds nothing, whatever the size", () => {
    const all = Array.from({ length: 5000 }, (_, i) => at(`module.m${i % 7}.module.k["${i % 11}"].t.n[${i}]`));
    const rows = visibleRows(buildTree(all), () => true);
    const leaves = rows.flatMap((r) => (r.node.resource ? [r.node.resource.address] : []));
    expect(new Set(leaves)).toEqual(new Set(all.map((r) => r.address)));
    expect(leaves).toHaveLength(5000);
  });
});

describe("visibleRows", () => {
  const tree = buildTree([at("module.a.module.b.t.n"), at("module.a.t.k")]);

  it("leaves out what is closed", () => {
    expect(visibleRows(tree, () => false).map((r) => r.node.id)).toEqual(["module.a"]);
    const rows = visibleRows(tree, (n) => n.id === "module.a");
    expect(rows.map((r) => [r.node.id, r.level, r.parent, r.position, r.siblings, r.expanded])).toEqual([
      ["module.a", 1, -1, 1, 1, true],
      ["module.a.t.k", 2, 0, 1, 2, false],
      ["module.a.module.b", 2, 0, 2, 2, false],
    ]);
  });

  it("tells what can be opened", () => {
    expect(branches(tree)).toEqual(["module.a", "module.a.module.b"]);
    expect(branches(tree, 1)).toEqual(["module.a"]);
  });
});

describe("matches", () => {
  const bucket = { ...at("module.A.aws_s3_bucket.logs"), id: "b-1", tainted: true };
  it("wants every word, in any case", () => {
    expect(matches(bucket, wordsOf(" LOGS b-1 "))).toBe(true);
    expect(matches(bucket, wordsOf("logs b-2"))).toBe(false);
    expect(matches(bucket, wordsOf("tainted"))).toBe(true);
    expect(matches(bucket, wordsOf(""))).toBe(true);
  });
});
