import { useNavigate, useSearch } from "@tanstack/react-router";

// What a list shows, as its URL has it.
export interface ListSearch {
  filter?: string;
  orderBy?: string;
  pageSize?: number;
  pageToken?: string;
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

// For `validateSearch` of a route with a list; what else is in the URL is dropped.
export function listSearch(search: Record<string, unknown>): ListSearch {
  const size = Number(search.pageSize);
  return {
    filter: text(search.filter),
    orderBy: text(search.orderBy),
    pageSize: Number.isInteger(size) && size > 0 && size <= 1000 ? size : undefined,
    pageToken: text(search.pageToken),
  };
}

// The list's state and how to change it; each change is a place to come back to.
export function useListSearch(): [ListSearch, (next: ListSearch) => void] {
  const search = listSearch(useSearch({ strict: false }));
  const navigate = useNavigate();
  return [
    search,
    (next) => void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, ...next }) }),
  ];
}

// The query parameters of a List call.
export const listQuery = (search: ListSearch) => ({ ...search, pageSize: search.pageSize ?? 50 });
