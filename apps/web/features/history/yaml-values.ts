/** One value of a document: where it stands and what it is. */
export type YamlValue = { readonly path: string; readonly value: string };

/**
 * The values of a document in the canonical form (block style, two spaces, lists not indented), by path. Entries of a
 * list go by what names them, where something does: `http[1].route[payments v2].weight`.
 */
export function yamlValues(text: string): YamlValue[] {
  const values: YamlValue[] = [];
  const stack: { indent: number; name: string; item: number }[] = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    let rest = line;
    let indent = rest.length - rest.trimStart().length;
    rest = rest.trimStart();
    if (rest === "" || rest.startsWith("#")) continue;
    while (rest === "-" || rest.startsWith("- ")) {
      close(stack, indent, true);
      const list = stack.at(-1);
      if (list?.indent === indent && list.name.startsWith("[")) {
        list.item += 1;
        list.name = `[${nameOfItem(lines, index, indent) ?? list.item}]`;
      } else stack.push({ indent, name: `[${nameOfItem(lines, index, indent) ?? 1}]`, item: 1 });
      indent += 2;
      rest = rest.slice(2);
    }
    const [, key, value = ""] = /^("[^"]*"|[^\s:#][^:]*):(?:\s+(.*))?$/.exec(rest) ?? [];
    if (key === undefined) {
      if (rest !== "") values.push({ path: pathOf(stack), value: bare(rest) });
      continue;
    }
    close(stack, indent, false);
    if (bare(value) === "") stack.push({ indent, name: key.replaceAll('"', ""), item: 0 });
    else
      values.push({
        path: pathOf([...stack, { name: key.replaceAll('"', "") }]),
        value: bare(value),
      });
  }
  return values;
}

/** What changed between two documents, one sentence a value: "http[1].timeout: 3s → 300ms". */
export function changesInWords(before: string | undefined, after: string | undefined): string[] {
  const [past, present] = [byPath(before), byPath(after)];
  return [...new Set([...past.keys(), ...present.keys()])].flatMap((path) => {
    const [old, now] = [past.get(path), present.get(path)];
    if (old === now) return [];
    if (old === undefined) return [`${path}: set to ${now}`];
    return [now === undefined ? `${path}: ${old} taken away` : `${path}: ${old} → ${now}`];
  });
}

function byPath(text: string | undefined): Map<string, string> {
  const found = new Map<string, string>();
  for (const { path, value } of text === undefined ? [] : yamlValues(text)) {
    const before = found.get(path);
    found.set(path, before === undefined ? value : `${before}, ${value}`); // a list of plain values
  }
  return found;
}

/** Leaves the maps and lists that end before a line of that indent. A list may stand at its key's own indent. */
function close(
  stack: { indent: number; name: string; item: number }[],
  indent: number,
  isItem: boolean,
): void {
  for (let last = stack.at(-1); last !== undefined; last = stack.at(-1)) {
    const isList = last.name.startsWith("[");
    const ends = isItem
      ? last.indent > indent
      : isList
        ? last.indent >= indent
        : last.indent >= indent;
    if (!ends) return;
    if (isItem && last.indent === indent) return;
    stack.pop();
  }
}

/** What a list's entry calls itself: its name, or the host and subset it sends to. */
function nameOfItem(lines: readonly string[], at: number, indent: number): string | undefined {
  let host: string | undefined;
  for (let index = at; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const depth = line.length - line.trimStart().length;
    if (index > at && (depth < indent || (depth === indent && line.trim() !== ""))) break;
    const content = line.slice(indent).replace(/^- /, "  ");
    const name = /^ {2}name: (.+)$/.exec(content)?.[1];
    if (name !== undefined) return bare(name);
    if (/^ {4}(host|subset): /.test(content)) {
      const value = bare(content.trim().replace(/^\w+: /, ""));
      host = host === undefined ? value : `${host} ${value}`;
    }
  }
  return host;
}

function pathOf(stack: readonly { readonly name: string }[]): string {
  return stack.reduce((path, { name }) => {
    if (name.startsWith("[")) return `${path}${name}`;
    return path === "" ? name : `${path}.${name}`;
  }, "");
}

function bare(value: string): string {
  return value
    .replace(/(^|\s)#.*$/, "")
    .trim()
    .replace(/^"(.*)"$/, "$1");
}
