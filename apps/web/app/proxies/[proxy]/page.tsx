import type { Metadata } from "next";
import { ProxyPage } from "../../../features/proxies/proxy-page.tsx";

interface Props {
  readonly params: Promise<{ readonly proxy: string }>;
}

export const metadata: Metadata = { title: "Proxy" };

export default async function Page({ params }: Props) {
  return <ProxyPage proxyId={decodeURIComponent((await params).proxy)} />;
}
