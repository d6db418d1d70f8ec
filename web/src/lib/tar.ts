// Packs files as a tar archive (POSIX ustar), as bundles of templates are sent.
export interface TarFile {
  // Relative, with slashes.
  path: string;
  data: Uint8Array;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const utf8 = new TextEncoder();

export function tar(files: TarFile[]): Uint8Array<ArrayBuffer> {
  const blocks = files.flatMap((f) => [header(f), f.data, new Uint8Array(padding(f.data.length))]);
  blocks.push(new Uint8Array(2 * BLOCK));
  const out = new Uint8Array(blocks.reduce((sum, b) => sum + b.length, 0));
  let at = 0;
  for (const block of blocks) {
    out.set(block, at);
    at += block.length;
  }
  return out;
}

const padding = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK;

function header(file: TarFile): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(utf8.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  const [prefix, name] = split(file.path);
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(file.data.length, 11), 124);
  // The time is left at nothing, so that the same files make the same bundle.
  put(octal(0, 11), 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\u000000", 257);
  put(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

// A long path is told in two parts.
function split(path: string): [string, string] {
  const size = (text: string) => utf8.encode(text).length;
  if (size(path) <= NAME_BYTES) return ["", path];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (size(name) <= NAME_BYTES && size(prefix) <= PREFIX_BYTES) return [prefix, name];
  }
  throw new Error(`${path}: this path is too long`);
}

// What belongs into a bundle of a folder: neither hidden files nor what Terraform keeps beside them.
export function belongs(path: string): boolean {
  return !path.split("/").some((p) => p.startsWith(".")) && !/\.tfstate(\.\w+)?$/.test(path);
}

// The path of a chosen folder's file within it: "hello/main.tf" is "main.tf".
export const within = (path: string) => path.slice(path.indexOf("/") + 1);

export async function gzip(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

const CHUNK = 0x8000;
export function base64(data: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < data.length; at += CHUNK) {
    binary += String.fromCharCode(...data.subarray(at, at + CHUNK));
  }
  return btoa(binary);
}
