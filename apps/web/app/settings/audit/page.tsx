import type { Metadata } from "next";
import { AuditTab } from "../../../features/settings/audit-tab.tsx";

export const metadata: Metadata = { title: "Audit log" };

export default function Page() {
  return <AuditTab />;
}
