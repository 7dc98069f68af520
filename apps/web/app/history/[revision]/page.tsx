import type { Metadata } from "next";

interface Props {
  readonly params: Promise<{ readonly revision: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Revision ${decodeURIComponent((await params).revision)}` };
}

/** What one sees stands in the layout, which reads the number from the address. */
export default function Page() {
  return null;
}
