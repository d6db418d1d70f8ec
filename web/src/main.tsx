import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";

import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { ApiError } from "~/api/client";
import { router } from "~/router";
import { theme, variables } from "~/theme";

// Only what may pass by itself is asked for again.
const passing = (error: unknown) => !(error instanceof ApiError) || error.status >= 500 || error.status === 429;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => passing(error) && failures < 3,
    },
  },
});
// After a release the files that an open page asks for are gone: the next page is loaded from the server.
// Not this one, in which somebody may be writing.
window.addEventListener("vite:preloadError", () => {
  router.subscribe("onBeforeNavigate", ({ pathChanged, toLocation }) => {
    if (pathChanged) location.assign(toLocation.href);
  });
});

const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? "";
// Dialogs keep the page from scrolling by a style of their own, whose maker looks for the nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} context={{ client }} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
