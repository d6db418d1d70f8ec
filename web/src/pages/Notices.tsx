import { Page } from "~/components/Page";

export default function Notices() {
  return <Page title="Notices">…</Page>;
}
