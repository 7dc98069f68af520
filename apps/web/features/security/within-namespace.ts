/** Whether something of a namespace is shown while one namespace is chosen (`undefined`: all are). */
export function isWithin(chosen: string | undefined, namespace: string): boolean {
  return chosen === undefined || namespace === chosen;
}
