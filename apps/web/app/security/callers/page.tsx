import type { Metadata } from "next";
import { CallersTab } from "../../../features/security/callers/callers-tab.tsx";

export const metadata: Metadata = { title: "Plaintext callers" };

export default function Page() {
  return <CallersTab />;
}
