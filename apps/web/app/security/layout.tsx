import type { Metadata } from "next";
import type { ReactNode } from "react";
import { SecurityFrame } from "../../features/security/security-frame.tsx";

export const metadata: Metadata = { title: "Security" };

export default function Layout({ children }: { readonly children: ReactNode }) {
  return <SecurityFrame>{children}</SecurityFrame>;
}
