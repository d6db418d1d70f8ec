import {
  Alert,
  createTheme,
  type CSSVariablesResolver,
  Drawer,
  type MantineColorsTuple,
  Modal,
  Notification,
} from "@mantine/core";

import { common } from "~/text/common";

// A deep teal: far from the colours of states, readable on both schemes.
const yard: MantineColorsTuple = [
  "#e6f7f8",
  "#d3ebed",
  "#a7d6da",
  "#77c0c6",
  "#51adb5",
  "#38a1aa",
  "#289ba5",
  "#168791",
  "#007983",
  "#006972",
];

export const theme = createTheme({
  primaryColor: "yard",
  // In the dark too a shade that white words can be read on.
  primaryShade: { light: 9, dark: 8 },
  autoContrast: true,
  colors: { yard },
  defaultRadius: "sm",
  cursorType: "pointer",
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'JetBrains Mono', Menlo, Consolas, 'Liberation Mono', monospace",
  headings: { fontWeight: "650" },
  components: {
    // Titles in the colour of the alert are too pale on it.
    Alert: Alert.extend({ styles: { title: { color: "var(--mantine-color-text)" } } }),
    // The head of a dialog is not the page's banner.
    Drawer: Drawer.extend({ defaultProps: { attributes: { header: { role: "presentation" } } } }),
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: "presentation" } } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { "aria-label": common.close } } }),
  },
});

// Mantine's dimmed text and its errors are too pale for small letters.
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
  },
});
