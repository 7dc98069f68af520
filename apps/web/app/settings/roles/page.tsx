import type { Metadata } from "next";
import { RolesTab } from "../../../features/settings/roles-tab.tsx";

export const metadata: Metadata = { title: "Roles & access" };

export default function Page() {
  return <RolesTab />;
}
