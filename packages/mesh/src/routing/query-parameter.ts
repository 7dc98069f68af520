/**
 * The first value of a query parameter as it stands, not decoded (Envoy's QueryParameterMatcher);
 * `?key` alone has the value `""`. `undefined`: not there. Allocates nothing but the value.
 */
export function findQueryParameter(query: string | undefined, name: string): string | undefined {
  if (query === undefined) return undefined;
  let start = 0;
  while (start <= query.length) {
    const end = endOfPair(query, start);
    const nameEnd = start + name.length;
    if (query.startsWith(name, start) && nameEnd <= end) {
      if (nameEnd === end) return "";
      if (query.charCodeAt(nameEnd) === EQUALS) return query.slice(nameEnd + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

const EQUALS = 0x3d;

function endOfPair(query: string, start: number): number {
  const ampersand = query.indexOf("&", start);
  return ampersand < 0 ? query.length : ampersand;
}
