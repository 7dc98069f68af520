import type { Metadata } from "next";
import { TokensTab } from "../../../features/settings/tokens-tab.tsx";

export const metadata: Metadata = { title: "API tokens" };

export default function Page() {
  return <TokensTab />;
}
