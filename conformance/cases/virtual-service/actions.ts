import type { ConformanceCase } from "../../harness/conformance-case.ts";

export const actionCases: readonly ConformanceCase[] = [];
