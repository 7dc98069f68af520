/** The one URI name of the server's certificate must be the endpoint's identity, letter by letter. */
export function checkIdentity(subjectAltName: string, expected: string): Error | undefined {
  const uris = subjectAltName.split(", ").filter((name) => name.startsWith("URI:"));
  const [only] = uris;
  if (uris.length === 1 && only === `URI:${expected}`) return undefined;
  const shown =
    uris.length === 0 ? "has no URI name" : `is ${uris.join(", ").replaceAll("URI:", "")}`;
  return new Error(`the server ${shown}, not ${expected}`);
}
