import type { Analyzer } from "../analyzer.ts";
import { textAt } from "../fields.ts";

/** HDL034: bypasses in force. */
export const checkBypasses: Analyzer = (mesh, report) => {
  for (const bypass of mesh.of("Bypass")) {
    const until = textAt(bypass.spec, "until");
    const leftMs = Date.parse(until) - mesh.nowMs;
    if (!(leftMs > 0)) continue; // it has ended, or is no moment, which reading it has told
    const minutes = Math.ceil(leftMs / 60_000);
    const why = `the mesh's rules do not hold here for another ${minutes} minutes (until ${until})`;
    report(bypass, "HDL034", { path: ["spec", "until"], why });
  }
};
