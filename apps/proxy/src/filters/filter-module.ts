import { registerHooks } from "node:module";
import type { FilterDefinition } from "@heddle/filter-api";

/** What a filter's file may import wherever it lies: it finds the proxy's own. */
const OFFERED: Readonly<Record<string, string>> = {
  "@heddle/filter-api": import.meta.resolve("@heddle/filter-api"),
  zod: import.meta.resolve("zod"),
};
const HOOKS = ["onRequestHead", "onResponseHead", "onEnd"] as const;

let areHooksThere = false;

/**
 * Lets files outside this repository import `@heddle/filter-api` without installing it, and `zod` where
 * they have none of their own. In this thread, once.
 */
export function offerFilterApi(): void {
  if (areHooksThere) return;
  areHooksThere = true;
  registerHooks({
    resolve(specifier, context, next) {
      const offered = OFFERED[specifier];
      if (offered === undefined) return next(specifier, context);
      if (specifier === "@heddle/filter-api") return { url: offered, shortCircuit: true };
      try {
        return next(specifier, context);
      } catch {
        return { url: offered, shortCircuit: true };
      }
    },
  });
}

/**
 * The filter a file exports as its default, under the name of the file. `version`: another one reads the
 * file anew. Rejects with what is wrong with it.
 */
export async function importFilter(
  url: string,
  name: string,
  version: string,
): Promise<FilterDefinition<unknown>> {
  offerFilterApi();
  const module: unknown = await import(`${url}?version=${version}`);
  const definition = Reflect.get(module as object, "default") as unknown;
  if (typeof definition !== "object" || definition === null) {
    throw new TypeError("it has no default export made with defineFilter");
  }
  const given = definition as Partial<Record<keyof FilterDefinition<unknown>, unknown>>;
  if (given.name !== name) {
    throw new TypeError(
      `its filter is called ${JSON.stringify(given.name)}, not "${name}" as the file`,
    );
  }
  const settings = given.settings as { "~standard"?: { validate?: unknown } } | undefined;
  if (typeof settings?.["~standard"]?.validate !== "function") {
    throw new TypeError("settings is no schema (Standard Schema 1, as zod's)");
  }
  for (const hook of HOOKS) {
    if (given[hook] !== undefined && typeof given[hook] !== "function") {
      throw new TypeError(`${hook} is no function`);
    }
  }
  if (HOOKS.every((hook) => given[hook] === undefined)) {
    throw new TypeError(`it has none of ${HOOKS.join(", ")}`);
  }
  return definition as FilterDefinition<unknown>;
}
