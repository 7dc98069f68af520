import type { ReactNode } from "react";
import { HistoryPage } from "../../features/history/history-page.tsx";

/** The page stands in the layout: choosing another revision keeps the list, its scroll and its filter. */
export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <>
      <HistoryPage />
      {children}
    </>
  );
}
