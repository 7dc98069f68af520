import Link from "next/link";

/** A revision's number as the way to it; 0 is none. */
export function RevisionLink({ revision }: { readonly revision: number }) {
  if (revision === 0) return <>none</>;
  return <Link href={`/history/${revision}`}>{revision}</Link>;
}
