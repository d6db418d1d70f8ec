import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

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

// What Mantine leaves without a name, and titles that its light variants make too pale for AA.
const components = {
  Notification: { defaultProps: { closeButtonProps: { "aria-label": common.close } } },
  Alert: {
    defaultProps: { closeButtonLabel: common.close },
    styles: { title: { color: "var(--mantine-color-text)" } },
  },
};

export const theme = createTheme({
  components,
  primaryColor: "yard",
  // White is readable on both, which autoContrast does not see to in the dark scheme.
  primaryShade: { light: 9, dark: 8 },
  autoContrast: true,
  colors: { yard },
  defaultRadius: "sm",
  cursorType: "pointer",
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'JetBrains Mono', Menlo, Consolas, 'Liberation Mono', monospace",
  headings: { fontWeight: "650" },
});

// Mantine's own dimmed and faulty text has too little contrast for AA.
export const cssVariables: CSSVariablesResolver = () => ({
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
