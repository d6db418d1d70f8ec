import { Page } from "~/components/Page";

export default function Catalogue() {
  return <Page title="Catalogue">…</Page>;
}
