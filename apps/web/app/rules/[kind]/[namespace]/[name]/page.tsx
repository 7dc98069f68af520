import type { Metadata } from "next";
import { RulePage } from "../../../../../features/rules/rule-page.tsx";

interface Props {
  readonly params: Promise<{
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) };
}

export default async function Page({ params }: Props) {
  const { kind, namespace, name } = await params;
  return (
    <RulePage
      kind={decodeURIComponent(kind)}
      namespace={decodeURIComponent(namespace)}
      name={decodeURIComponent(name)}
    />
  );
}
