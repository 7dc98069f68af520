import type { Metadata } from "next";
import { MtlsTab } from "../../features/security/mtls/mtls-tab.tsx";

export const metadata: Metadata = { title: "Security" };

export default function Page() {
  return <MtlsTab />;
}
