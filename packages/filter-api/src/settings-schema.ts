/**
 * What checks a filter's settings: Standard Schema 1 (https://standardschema.dev), which zod, valibot and
 * others implement. It has to answer at once, without a promise. The value it gives is made once, when
 * the settings arrive, and handed to every hook: let it transform them into what requests need.
 */
export interface SettingsSchema<Settings = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Settings> | Promise<SchemaResult<Settings>>;
    readonly types?: { readonly input: unknown; readonly output: Settings } | undefined;
  };
}

type SchemaResult<Settings> =
  | { readonly value: Settings; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

type SchemaIssue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};
