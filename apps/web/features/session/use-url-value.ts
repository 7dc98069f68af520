"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback } from "react";

/** One value of the page kept in its address; `undefined` takes it out. Other values stay. */
export function useUrlValue(
  name: string,
): readonly [string | undefined, (value: string | undefined) => void] {
  const router = useRouter();
  const pathname = usePathname();
  const search = useSearchParams();
  const set = useCallback(
    (value: string | undefined) => {
      const next = new URLSearchParams(window.location.search);
      if (value === undefined || value === "") next.delete(name);
      else next.set(name, value);
      router.replace(next.size === 0 ? pathname : `${pathname}?${next}`, { scroll: false });
    },
    [name, pathname, router],
  );
  return [search.get(name) ?? undefined, set];
}
