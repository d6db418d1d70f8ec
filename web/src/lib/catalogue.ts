import type { Schemas } from "~/api/client";

// The templates that have all words of a search somewhere, best first: those with a word in the
// title or name come before those that only describe it.
export function foundTemplates(all: Schemas["Template"][], search: string, deprecated: boolean): Schemas["Template"][] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const open = all.filter((t) => deprecated || t.deprecation === "");
  const ranked = open.flatMap((template) => {
    const head = `${template.title} ${template.name.replace(/^templates\//, "")}`.toLowerCase();
    const labels = Object.entries(template.labels).map(([key, value]) => `${key} ${key}:${value} ${value}`);
    const body = `${head} ${template.description} ${labels.join(" ")}`.toLowerCase();
    if (!words.every((w) => body.includes(w))) return [];
    return [{ template, rank: words.filter((w) => head.includes(w)).length }];
  });
  const title = (t: Schemas["Template"]) => t.title || t.name;
  return ranked
    .sort((a, b) => b.rank - a.rank || title(a.template).localeCompare(title(b.template)))
    .map((r) => r.template);
}
