// Resources of a Terraform state as a tree: modules, the blocks in them, and the instances of those.

export interface Address {
  // `module.zone["a"]`, from the outside in.
  modules: string[];
  // `aws_s3_bucket.c` or `data.aws_ami.x`.
  block: string;
  // `[0]` or `["x"]`; "" where the block has neither count nor for_each.
  key: string;
}

// Parts of an address at its dots; a key in brackets may hold dots, brackets and quotes of its own.
function partsOf(address: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let inBrackets = false;
  let inQuotes = false;
  for (let i = 0; i < address.length; i++) {
    const c = address[i];
    if (inQuotes) {
      if (c === "\\") i++;
      else if (c === '"') inQuotes = false;
    } else if (inBrackets) {
      if (c === '"') inQuotes = true;
      else if (c === "]") inBrackets = false;
    } else if (c === "[") {
      inBrackets = true;
    } else if (c === ".") {
      parts.push(address.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(address.slice(from));
  return parts;
}

export function parseAddress(address: string): Address {
  const parts = partsOf(address);
  const modules: string[] = [];
  let at = 0;
  while (parts[at] === "module" && at + 2 < parts.length) {
    modules.push(`module.${parts[at + 1]}`);
    at += 2;
  }
  const rest = parts.slice(at).join(".");
  const last = parts[parts.length - 1] ?? "";
  const bracket = last.indexOf("[");
  if (bracket < 0 || !rest.endsWith("]")) return { modules, block: rest, key: "" };
  const key = last.slice(bracket);
  return { modules, block: rest.slice(0, rest.length - key.length), key };
}

export interface Node<R> {
  // Its address: unique in the tree.
  id: string;
  label: string;
  kind: "module" | "block" | "resource";
  children: Node<R>[];
  // Of a resource only.
  resource?: R;
  // Resources at or below it.
  count: number;
}

const collator = new Intl.Collator("en", { numeric: true });
const ORDER = { module: 1, block: 0, resource: 0 };

export function buildTree<R extends { address: string }>(resources: readonly R[]): Node<R>[] {
  const roots: Node<R>[] = [];
  const known = new Map<string, Node<R>>();

  const child = (siblings: Node<R>[], id: string, label: string, kind: Node<R>["kind"]): Node<R> => {
    const key = `${kind} ${id}`;
    let node = known.get(key);
    if (!node) {
      node = { id, label, kind, children: [], count: 0 };
      known.set(key, node);
      siblings.push(node);
    }
    return node;
  };

  for (const resource of resources) {
    const { modules, block, key } = parseAddress(resource.address);
    let siblings = roots;
    let path = "";
    for (const module of modules) {
      path = path ? `${path}.${module}` : module;
      const node = child(siblings, path, module, "module");
      node.count++;
      siblings = node.children;
    }
    if (key) {
      const node = child(siblings, path ? `${path}.${block}` : block, block, "block");
      node.count++;
      siblings = node.children;
    }
    const leaf = child(siblings, resource.address, key || block, "resource");
    leaf.resource = resource;
    leaf.count = 1;
  }
  sort(roots);
  return roots;
}

function sort<R>(nodes: Node<R>[]) {
  nodes.sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || collator.compare(a.label, b.label));
  for (const node of nodes) sort(node.children);
}

// One line of the tree as it is shown.
export interface Row<R> {
  node: Node<R>;
  // From 1.
  level: number;
  // The row of its parent, -1 at the top.
  parent: number;
  position: number;
  siblings: number;
  expanded: boolean;
}

// The lines in sight: what stands below a node that is not open is left out.
export function visibleRows<R>(roots: readonly Node<R>[], isOpen: (node: Node<R>) => boolean): Row<R>[] {
  const rows: Row<R>[] = [];
  const add = (nodes: readonly Node<R>[], level: number, parent: number) => {
    nodes.forEach((node, i) => {
      const expanded = node.children.length > 0 && isOpen(node);
      const at = rows.push({ node, level, parent, position: i + 1, siblings: nodes.length, expanded }) - 1;
      if (expanded) add(node.children, level + 1, at);
    });
  };
  add(roots, 1, -1);
  return rows;
}

// Ids of all nodes that can be opened, down to a depth.
export function branches<R>(roots: readonly Node<R>[], depth = Infinity): string[] {
  const found: string[] = [];
  const add = (nodes: readonly Node<R>[], level: number) => {
    if (level > depth) return;
    for (const node of nodes) {
      if (node.children.length === 0) continue;
      found.push(node.id);
      add(node.children, level + 1);
    }
  };
  add(roots, 1);
  return found;
}

interface Searched {
  address: string;
  id: string;
  provider: string;
  tainted: boolean;
}

// Whether a resource has all the words, in its address, its id or its provider.
export function matches(resource: Searched, words: readonly string[]): boolean {
  const text = `${resource.address} ${resource.id} ${resource.provider}${resource.tainted ? " tainted" : ""}`;
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

export const wordsOf = (text: string) => text.toLowerCase().split(/\s+/).filter(Boolean);
