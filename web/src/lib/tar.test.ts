import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { base64, belongs, gzip, tar, within } from "./tar";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("tar", () => {
  it("is read by tar itself", () => {
    const long = `${"deep/".repeat(24)}file.txt`;
    const archive = tar([
      { path: "main.tf", data: bytes("x".repeat(700)) },
      { path: "templates/grüße.txt", data: bytes("hello") },
      { path: long, data: bytes("") },
    ]);
    expect(archive.length % 512).toBe(0);
    const folder = mkdtempSync(join(tmpdir(), "tar-"));
    writeFileSync(join(folder, "a.tar"), archive);
    execFileSync("tar", ["-xf", "a.tar"], { cwd: folder });
    expect(readFileSync(join(folder, "main.tf"), "utf8")).toBe("x".repeat(700));
    expect(readFileSync(join(folder, "templates/grüße.txt"), "utf8")).toBe("hello");
    expect(readFileSync(join(folder, long), "utf8")).toBe("");
  });
  it("refuses what does not fit", () => {
    expect(() => tar([{ path: "x".repeat(101), data: bytes("") }])).toThrow("too long");
  });
});

it("knows what belongs into a bundle", () => {
  expect(["main.tf", "a/b.tf", "template.yaml"].every(belongs)).toBe(true);
  expect(
    [".terraform/x", "a/.git/y", ".terraform.lock.hcl", "terraform.tfstate", "x.tfstate.backup"].some(belongs),
  ).toBe(false);
  expect(within("hello/a/main.tf")).toBe("a/main.tf");
});

it("packs", async () => {
  const data = bytes("abc".repeat(1000));
  expect(gunzipSync(await gzip(data)).toString()).toBe("abc".repeat(1000));
});

it("writes base64, also of much", () => {
  const data = new Uint8Array(100_000).map((_, i) => i % 251);
  expect(base64(data)).toBe(Buffer.from(data).toString("base64"));
});
