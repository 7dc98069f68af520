import type { Metadata } from "next";
import { PoliciesTab } from "../../../features/security/policies/policies-tab.tsx";

export const metadata: Metadata = { title: "Policies" };

export default function Page() {
  return <PoliciesTab />;
}
