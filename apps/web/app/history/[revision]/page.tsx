import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { HistoryPage } from "../../../features/history/history-page.tsx";

interface Props {
  readonly params: Promise<{ readonly revision: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Revision ${(await params).revision}` };
}

export default async function Page({ params }: Props) {
  const { revision } = await params;
  if (!/^[1-9]\d{0,8}$/.test(revision)) notFound();
  return <HistoryPage revision={Number(revision)} />;
}
