type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * Gives back what loading the program has left behind, 4 MiB: V8 collects so thoroughly only when memory runs
 * out. It takes some 50 ms, so it is done before anybody can ask for anything. Nothing without `--expose-gc`.
 */
export function giveStartupMemoryBack(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  collect?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
