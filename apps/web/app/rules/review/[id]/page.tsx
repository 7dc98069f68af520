import type { Metadata } from "next";
import { ReviewPage } from "../../../../features/rules/reviews/review-page.tsx";

export const metadata: Metadata = { title: "Review" };

export default async function Page({
  params,
}: {
  readonly params: Promise<{ readonly id: string }>;
}) {
  return <ReviewPage id={decodeURIComponent((await params).id)} />;
}
