import type { Metadata } from "next";

export const metadata: Metadata = { title: "History" };

/** What one sees stands in the layout. */
export default function Page() {
  return null;
}
