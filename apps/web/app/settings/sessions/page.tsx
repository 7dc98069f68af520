import type { Metadata } from "next";
import { SessionsTab } from "../../../features/settings/sessions-tab.tsx";

export const metadata: Metadata = { title: "Sessions" };

export default function Page() {
  return <SessionsTab />;
}
