import type { Metadata } from "next";
import type { ReactNode } from "react";
import { SettingsFrame } from "../../features/settings/settings-frame.tsx";

export const metadata: Metadata = { title: "Settings" };

export default function Layout({ children }: { readonly children: ReactNode }) {
  return <SettingsFrame>{children}</SettingsFrame>;
}
