"use client";
import { createContext, type ReactNode, useContext } from "react";

const Moment = createContext<number | undefined>(undefined);

/** Everything below shows the mesh as it stood then. */
export const PastMoment = Moment.Provider;

/** The moment that is looked at; `undefined`: now. */
export function usePastMs(): number | undefined {
  return useContext(Moment);
}

/** What is known of the present alone: endpoints, rules in force, acts. Not shown beside the past. */
export function LiveOnly({ children }: { readonly children: ReactNode }) {
  return usePastMs() === undefined ? children : null;
}
