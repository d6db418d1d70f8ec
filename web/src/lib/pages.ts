// A list may answer few rows, or none, and still go on: the server looks at so many for one page.
export interface Page<T> {
  rows: T[];
  nextPageToken: string;
}

export interface Read<T> extends Page<T> {
  pages: number;
}

export const MOST_PAGES = 20;

// Reads on until there are enough rows. Where `nextPageToken` is left, not all was looked through.
export async function readPages<T>(
  read: (pageToken: string | undefined) => Promise<Page<T>>,
  enough: (rows: T[]) => boolean,
  from?: string,
  most = MOST_PAGES,
): Promise<Read<T>> {
  const rows: T[] = [];
  let pages = 0;
  let token = from;
  do {
    const page = await read(token);
    rows.push(...page.rows);
    token = page.nextPageToken;
    pages++;
  } while (token && pages < most && !enough(rows));
  return { rows, nextPageToken: token, pages };
}
