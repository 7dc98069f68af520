"use client";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiError } from "../../lib/api-error.ts";
import { ToastProvider } from "../../ui/toast.tsx";

const MOST_RETRIES = 2;

/** What every page needs around it: one cache of server state, one place for toasts. */
export function Providers({ children }: { readonly children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: {
            staleTime: 5000,
            // An answer that says no (4xx) says no again; only what may mend by itself is asked again.
            retry: (failures, error) =>
              failures < MOST_RETRIES &&
              !(error instanceof ApiError && error.status >= 400 && error.status < 500),
          },
        },
      }),
  );
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>{children}</ToastProvider>
    </QueryClientProvider>
  );
}
