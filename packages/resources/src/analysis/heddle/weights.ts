import type { Analyzer } from "../analyzer.ts";
import { fieldsAt, listAt, numberAt, textAt } from "../fields.ts";

/** HDL002: weights that are not the percentages they look like. */
export const checkWeights: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const field of ["http", "tcp", "tls"]) {
      listAt(document.spec, field).forEach((rule, index) => {
        const destinations = listAt(rule, "route");
        if (destinations.length < 2) return;
        const weights = destinations.map((one) => numberAt(one, "weight") ?? 0);
        const sum = weights.reduce((total, weight) => total + weight, 0);
        if (sum === 100 || sum === 0) return; // 0 is refused by the schema
        const shares = destinations.map((one, at) => {
          const to = fieldsAt(one, "destination");
          const name = [textAt(to, "host"), textAt(to, "subset")].filter(Boolean).join(" ");
          return `${name} gets ${Math.round(((weights[at] ?? 0) / sum) * 1000) / 10} %`;
        });
        const why = `weights of ${field}[${index}] sum to ${sum}: ${shares.slice(0, 4).join(", ")}`;
        report(document, "HDL002", { path: ["spec", field, index, "route"], why });
      });
    }
  }
};
