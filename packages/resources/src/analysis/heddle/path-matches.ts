import type { Analyzer } from "../analyzer.ts";
import { textAt } from "../fields.ts";
import { httpRoutes } from "./routes-of.ts";

const LITERAL = /^\/[\w\-./~%]*$/;

/** HDL010, HDL016: paths that match more than they seem to, or cost more than they need to. */
export const checkPathMatches: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const { path, matches, title } of httpRoutes(document)) {
      matches.forEach((match, index) => {
        const at = [...path, "match", index, "uri"];
        const prefix = textAt(match, "uri", "prefix");
        if (prefix.length > 1 && !/[/?=.]$/.test(prefix)) {
          const why = `prefix ${prefix} of ${title} matches ${prefix}2 and ${prefix}-other too`;
          const whatToDo = `If only the path and what is below it is meant, match exact: ${prefix} and prefix: ${prefix}/`;
          report(document, "HDL010", { path: [...at, "prefix"], why, whatToDo });
        }
        const simple = simplify(textAt(match, "uri", "regex"));
        if (!simple) return;
        const [kind, value] = simple;
        report(document, "HDL016", {
          path: [...at, "regex"],
          why: `regex ${textAt(match, "uri", "regex")} of ${title} says no more than ${kind}: ${value}`,
          whatToDo: `Write ${kind}: ${value}`,
          fix: {
            title: `${kind}: ${value} in place of the regex`,
            edits: [
              { path: [...at, kind], value },
              { path: [...at, "regex"], value: undefined },
            ],
          },
        });
      });
    }
  }
};

/** What a regex over the whole path comes to; `undefined`: it says more. A dot in it stands for any letter. */
function simplify(regex: string): readonly ["exact" | "prefix", string] | undefined {
  const bare = regex.replace(/^\^/, "").replace(/\$$/, "");
  const body = bare.endsWith(".*") ? bare.slice(0, -2) : bare;
  const literal = body.replaceAll("\\.", ".");
  const hasWildDot = /(?<!\\)\./.test(body);
  if (hasWildDot || !LITERAL.test(literal)) return undefined;
  return [bare.endsWith(".*") ? "prefix" : "exact", literal];
}
