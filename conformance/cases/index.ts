import type { ConformanceCase } from "../harness/conformance-case.ts";
import { actionCases } from "./virtual-service/actions.ts";
import { matchCases } from "./virtual-service/matches.ts";

/** Every rule that is proven, by kind and block. */
export const CASES: readonly ConformanceCase[] = [...matchCases, ...actionCases];
