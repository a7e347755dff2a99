type Components = Readonly<Record<string, Readonly<Record<string, object>>>>;

export const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

const references = /"\$ref":"#\/components\/(\w+)\/(\w+)"/g;

/** Those that `part` refers to, directly or through others, by kind and name. */
const referredFrom = (part: unknown, components: Components): Set<string> => {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, kind = '', name = ''] of (JSON.stringify(part) ?? '').matchAll(references)) {
      const key = `${kind}/${name}`;
      if (found.has(key)) continue;
      found.add(key);
      visit(components[kind]?.[name]);
    }
  };
  visit(part);
  return found;
};

/** The components that `paths` needs, and no others, in a stable order. */
export const neededBy = (paths: object, components: Components): Components => {
  const needed = referredFrom(paths, components);
  const keep = ([kind, named]: [string, Readonly<Record<string, object>>]) => {
    const kept = Object.entries(named).filter(([name]) => needed.has(`${kind}/${name}`));
    return [kind, sorted(Object.fromEntries(kept))];
  };
  return Object.fromEntries(Object.entries(components).map(keep));
};
