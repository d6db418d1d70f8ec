import { Page } from "~/components/Page";

export default function Quota() {
  return <Page title="Quota">…</Page>;
}
