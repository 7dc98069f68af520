// Writes the table of bench/results/proxy.json into docs/benchmarks.md, as a run does at its end. Run:
// npm run bench -- table

import { writePage } from "./proxy/page.ts";
import { readResults } from "./proxy/results.ts";

writePage(readResults());
