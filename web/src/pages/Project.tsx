import { Page } from "~/components/Page";

export default function Project() {
  return <Page title="Project">…</Page>;
}
