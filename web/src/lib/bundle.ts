import { belongs, gzip, tar, within } from "./tar";

// The most that the API takes as a bundle.
export const MOST_BYTES = 8 << 20;

export interface Bundle {
  data: Uint8Array<ArrayBuffer>;
  files: number;
}

// The folder that somebody chose, packed. Undefined where it has no template.yaml at its root.
export async function bundleOf(chosen: File[]): Promise<Bundle | undefined> {
  const files = chosen
    .map((file) => ({ file, path: within(file.webkitRelativePath) }))
    .filter(({ path }) => belongs(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  if (!files.some(({ path }) => path === "template.yaml")) return undefined;
  const read = await Promise.all(
    files.map(async ({ file, path }) => ({ path, data: new Uint8Array(await file.arrayBuffer()) })),
  );
  return { data: await gzip(tar(read)), files: read.length };
}
