import { AccountTab } from "../../features/settings/account-tab.tsx";

export default function Page() {
  return <AccountTab />;
}
