import type { Analyzer } from "../analyzer.ts";
import { type Fields, textAt } from "../fields.ts";
import { conditionsBesidesPath, type HttpRoute, httpRoutes, takesEverything } from "./routes-of.ts";

/** HDL003: routes that an earlier, wider one leaves nothing to. Twins and prefixes under prefixes are IST0130 and 0131. */
export const checkShadowedRoutes: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    const earlier: HttpRoute[] = [];
    let catchAll: HttpRoute | undefined;
    for (const current of httpRoutes(document)) {
      const shadow = catchAll ?? earlier.find((one) => shadows(one, current));
      // A route before it without any match is told of as IST0130.
      if (shadow && shadow.matches.length > 0) {
        const why = `${current.title} is never reached: ${shadow.title} takes ${catchAll ? "every request" : "all its paths"} before it`;
        report(document, "HDL003", { path: current.path, why });
      }
      if (!catchAll && current.matches.some(takesEverything)) catchAll = current;
      if (earlier.length < MAX_COMPARED && current.matches.some(isPathOnly)) earlier.push(current);
    }
  }
};
/** Each is compared with all that follow it; nobody writes as many by hand. */
const MAX_COMPARED = 300;

/** Whether all matches of a route are exact paths that prefixes of the other, without more conditions, take in. */
function shadows(wide: HttpRoute, { matches }: HttpRoute): boolean {
  const prefixes = wide.matches.filter(isPathOnly).map((match) => textAt(match, "uri", "prefix"));
  return (
    matches.length > 0 &&
    matches.every((match) => {
      const exact = textAt(match, "uri", "exact");
      return exact !== "" && prefixes.some((prefix) => exact.startsWith(prefix));
    })
  );
}

function isPathOnly(match: Fields): boolean {
  return textAt(match, "uri", "prefix") !== "" && conditionsBesidesPath(match).length === 0;
}
