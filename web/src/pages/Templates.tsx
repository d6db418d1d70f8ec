import { Page } from "~/components/Page";

export default function Templates() {
  return <Page title="Templates">…</Page>;
}
