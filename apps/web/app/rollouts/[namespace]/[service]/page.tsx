import type { Metadata } from "next";
import { RolloutPage } from "../../../../features/rollouts/rollout-page.tsx";

interface Props {
  readonly params: Promise<{ readonly namespace: string; readonly service: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Rollout of ${decodeURIComponent((await params).service)}` };
}

export default async function Page({ params }: Props) {
  const { namespace, service } = await params;
  return (
    <RolloutPage namespace={decodeURIComponent(namespace)} service={decodeURIComponent(service)} />
  );
}
