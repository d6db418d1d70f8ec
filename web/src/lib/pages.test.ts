import { describe, expect, it } from "vitest";

import { readPages } from "./pages";

// Pages by their token: the first has none.
const list = (pages: string[][]) => {
  const asked: (string | undefined)[] = [];
  const read = (token: string | undefined) => {
    asked.push(token);
    const at = Number(token ?? 0);
    return Promise.resolve({ rows: pages[at] ?? [], nextPageToken: at + 1 < pages.length ? String(at + 1) : "" });
  };
  return { asked, read };
};
const two = (rows: string[]) => rows.length >= 2;

describe("readPages", () => {
  it("goes on over pages of nothing, until there is enough", async () => {
    const { asked, read } = list([[], [], ["a"], ["b", "c"], ["d"]]);
    expect(await readPages(read, two)).toEqual({ rows: ["a", "b", "c"], nextPageToken: "4", pages: 4 });
    expect(asked).toEqual([undefined, "1", "2", "3"]);
  });
  it("ends with the list", async () => {
    expect(await readPages(list([["a"], []]).read, two)).toEqual({ rows: ["a"], nextPageToken: "", pages: 2 });
  });
  it("gives up after so many pages, and tells where", async () => {
    const { asked, read } = list(Array.from({ length: 9 }, () => []));
    expect(await readPages(read, two, undefined, 3)).toEqual({ rows: [], nextPageToken: "3", pages: 3 });
    expect(asked).toHaveLength(3);
  });
  it("begins where it is told to", async () => {
    const { asked, read } = list([["a", "b"], ["c"], ["d"]]);
    expect((await readPages(read, two, "1")).rows).toEqual(["c", "d"]);
    expect(asked).toEqual(["1", "2"]);
  });
});
