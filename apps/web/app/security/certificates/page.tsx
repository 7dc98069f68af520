import type { Metadata } from "next";
import { CertificatesTab } from "../../../features/security/certificates/certificates-tab.tsx";

export const metadata: Metadata = { title: "Certificates" };

export default function Page() {
  return <CertificatesTab />;
}
