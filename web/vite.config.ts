import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` shows the sources against a mesh that runs: `make up`.
const mesh = process.env.STACKYARD_REST_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } },
  build: {
    outDir: process.env.STACKYARD_CONSOLE_OUT ?? "dist",
    emptyOutDir: true,
    // The policy of the page forbids what is inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/session", "/testme", "/configs", "/api"].map((path) => [path, { target: mesh }]),
    ),
  },
});
