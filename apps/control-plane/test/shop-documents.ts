/** DestinationRule with a subset for each version. */
export function subsets(service: string, ...versions: string[]): string {
  const list = versions.map((version) => `  - name: ${version}\n    labels: {version: ${version}}`);
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${service}, namespace: shop}
spec:
  host: ${service}
  subsets:
${list.join("\n")}
`;
}

/** VirtualService that splits a service's traffic; weights by subset, the first is stable. */
export function split(service: string, weights: Record<string, number>, name = service): string {
  const list = Object.entries(weights).map(
    ([subset, weight]) =>
      `    - destination: {host: ${service}, subset: ${subset}}\n      weight: ${weight} # set by hand`,
  );
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: shop}
spec:
  hosts: [${service}]
  http:
  - route:
${list.join("\n")}
`;
}

export function documents(...texts: string[]): string {
  return texts.join("---\n");
}
