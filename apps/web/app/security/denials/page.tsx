import type { Metadata } from "next";
import { DenialsTab } from "../../../features/security/denials/denials-tab.tsx";

export const metadata: Metadata = { title: "Denials" };

export default function Page() {
  return <DenialsTab />;
}
